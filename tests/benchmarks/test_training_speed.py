"""The comparison of two ways to train, as small as it can be: that it runs. What it finds is for `training_speed`."""

from pathlib import Path

import pytest

from framestream_export.training.settings import TrainSettings
from tests.benchmarks.training_speed import compare, lines_of
from tests.export import toy


@pytest.mark.long
def test_both_ways_are_trained_and_compared(tmp_path: Path) -> None:
    clips = toy.write_class_folders(tmp_path / "clips", per_class=5)
    settings = TrainSettings(weights="people", window=4, lstm_units=8, augmentations=1, epochs=1)
    comparison = compare(clips, tmp_path, settings)
    all_measured = (comparison.end_to_end, comparison.same_passes, comparison.same_epochs)
    for measured, line in zip(all_measured, lines_of(comparison), strict=False):
        assert measured.seconds > 0
        assert 0 <= measured.accuracy <= 1
        assert f"{comparison.end_to_end.seconds / measured.seconds:.1f} times as fast" in line
