from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from framestream.errors import DataError
from framestream_export.data.recordings import SPLITS, Recording
from framestream_export.data.splits import SHARES, Splits, split_recordings

LABELS = ("bend", "clap", "wave")


def recording(number: int, group: str, split: str | None = None) -> Recording:
    return Recording(Path(f"{number}.mp4"), f"{number}.mp4", (), group, split)


def members(splits: Splits) -> dict[str, tuple[int, ...]]:
    return {name: getattr(splits, name) for name in SHARES}


def test_no_group_is_in_two_splits_and_every_label_in_each() -> None:
    rng = np.random.default_rng(3)
    recordings = [recording(number, f"person-{number % 20}") for number in range(300)]
    counts = np.zeros((300, 3), np.int64)
    counts[np.arange(300), rng.choice(3, 300, p=(0.6, 0.3, 0.1))] = rng.integers(30, 90, 300)
    splits = split_recordings(recordings, counts, LABELS, seed=0)
    groups = {name: {recordings[index].group for index in some} for name, some in members(splits).items()}
    assert groups["train"] | groups["validation"] | groups["test"] == {f"person-{number}" for number in range(20)}
    assert sum(len(some) for some in groups.values()) == 20
    for name, some in members(splits).items():
        shares = counts[list(some)].sum(axis=0) / counts.sum(axis=0)
        assert np.all(np.abs(shares - SHARES[name]) < 0.13), (name, shares)
    assert splits.warnings == ()
    assert splits == split_recordings(recordings, counts, LABELS, seed=0)
    assert splits != split_recordings(recordings, counts, LABELS, seed=1)


def test_rare_label_reaches_every_split() -> None:
    recordings = [recording(number, str(number)) for number in range(60)]
    counts = np.zeros((60, 3), np.int64)
    counts[:57, 0], counts[57:, 2] = 50, 50
    counts[:, 1] = 10
    splits = split_recordings(recordings, counts, LABELS, seed=0)
    assert all(counts[list(some), 2].sum() > 0 for some in members(splits).values())


def test_split_column_wins_and_missing_splits_come_from_train() -> None:
    recordings = [recording(number, str(number), "test" if number < 4 else "train") for number in range(24)]
    counts = np.tile(np.array([[40, 40, 40]]), (24, 1))
    splits = split_recordings(recordings, counts, LABELS, seed=0)
    assert splits.test == (0, 1, 2, 3)
    assert 2 <= len(splits.validation) <= 5
    assert set(splits.validation).isdisjoint(splits.test)
    assert any("no clip for validation" in warning for warning in splits.warnings)


def test_split_column_holds_even_within_a_group_and_says_so() -> None:
    splits_named = ["train", "validation", "test", "train"]
    recordings = [recording(number, "ann", split) for number, split in enumerate(splits_named)]
    splits = split_recordings(recordings, np.full((4, 3), 40), LABELS, seed=0)
    assert (splits.train, splits.validation, splits.test) == ((0, 3), (1,), (2,))
    assert any("'ann' is in test and train and validation" in warning for warning in splits.warnings)


def test_a_split_column_that_leaves_nothing_to_train_on_says_so() -> None:
    counts = np.full((6, 3), 40)
    with pytest.raises(DataError, match="puts every clip into test: nothing is left to train on"):
        split_recordings([recording(number, str(number), "test") for number in range(6)], counts, LABELS, seed=0)
    halves = [recording(number, str(number), ("test", "validation")[number % 2]) for number in range(6)]
    with pytest.raises(DataError, match="puts every clip into test or validation: nothing is left"):
        split_recordings(halves, counts, LABELS, seed=0)


def test_too_few_groups_are_named() -> None:
    recordings = [recording(number, "ann") for number in range(10)]
    with pytest.raises(DataError, match="1 groups of clips are too few"):
        split_recordings(recordings, np.full((10, 3), 40), LABELS, seed=0)
    three = [recording(number, str(number)) for number in range(6)]
    counts = np.array([[9, 9, 0]] * 5 + [[9, 9, 9]])
    splits = split_recordings(three, counts, LABELS, seed=0)
    assert any("has no clip of wave" in warning for warning in splits.warnings)
    explicit = [recording(number, str(number), split) for number, split in enumerate(["train", "validation", "test"])]
    with pytest.raises(DataError, match="no clip to train on for wave"):
        split_recordings(explicit, np.array([[9, 9, 0], [9, 9, 9], [9, 9, 9]]), LABELS, seed=0)


def test_of_two_groups_one_is_tested_on_and_the_other_divided() -> None:
    recordings = [recording(number, "ann" if number % 2 else "ben") for number in range(10)]
    splits = split_recordings(recordings, np.full((10, 3), 40), LABELS, seed=0)
    groups = {name: {recordings[index].group for index in getattr(splits, name)} for name in SPLITS}
    assert groups["train"] == groups["validation"] != groups["test"]
    assert sorted((*splits.train, *splits.validation, *splits.test)) == list(range(10))
    assert len(splits.train) > len(splits.validation)
    assert any("clips of one group only are left to train on" in warning for warning in splits.warnings)


def test_open_background_does_not_stand_in_for_a_validation_split() -> None:
    """A layout that knows train and test, and films of the background: validation needs clips of every label."""
    recordings = [recording(number, str(number), "test" if number < 4 else "train") for number in range(24)]
    recordings += [recording(number, str(number)) for number in range(24, 30)]
    counts = np.zeros((30, 3), np.int64)
    counts[np.arange(24), np.arange(24) % 2] = 40
    counts[24:, 2] = 40
    splits = split_recordings(recordings, counts, LABELS, seed=0)
    assert {0, 1, 2, 3} <= set(splits.test)
    assert (counts[list(splits.validation)].sum(axis=0) > 0).all()
    assert any("no clip for validation" in warning for warning in splits.warnings)
    assert sorted([*splits.train, *splits.validation, *splits.test]) == list(range(30))


def test_tens_of_thousands_of_groups_are_divided_alike() -> None:
    rng = np.random.default_rng(1)
    recordings = [recording(number, str(number)) for number in range(20_000)]
    counts = np.zeros((20_000, 3), np.int64)
    counts[np.arange(20_000), rng.choice(3, 20_000, p=(0.9, 0.09, 0.01))] = rng.integers(10, 90, 20_000)
    splits = split_recordings(recordings, counts, LABELS, seed=0)
    for name, some in members(splits).items():
        np.testing.assert_allclose(counts[list(some)].sum(axis=0) / counts.sum(axis=0), SHARES[name], atol=0.01)
