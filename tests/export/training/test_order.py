"""What only the order of frames tells apart: an LSTM learns it, what takes the mean of frames cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from footage.pairs import SITTING
from footage.recorder import record_pairs, write_manifest
from tests.export.conftest import Cli


@pytest.mark.long
def test_sitting_down_and_standing_up_are_learnt_from_the_order_of_frames(tmp_path: Path, cli: Cli) -> None:
    clips, run = tmp_path / "clips", tmp_path / "run"
    write_manifest(clips / "manifest.csv", list(record_pairs(clips, pairs=[SITTING], per_class=30, seed=3)))
    code, _, messages = cli("train", clips, "--output", run, "--preset", "tiny", "--looks", "1")
    assert code == 0, messages
    report = json.loads((run / "report" / "report.json").read_text())
    assert report["labels"] == sorted(SITTING)
    assert report["accuracy"] >= 0.9
    assert report["segment_accuracy"] >= 0.9
    # Every window has a twin of the same frames with the other label: right about one, wrong about the other.
    assert report["baseline"]["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert report["baseline"]["segment_accuracy"] == pytest.approx(0.5, abs=0.1)
    assert "time helps" in messages
