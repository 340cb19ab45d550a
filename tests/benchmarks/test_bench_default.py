"""The bench of the model that comes along, as a user runs it. What it found is in the report, not in this test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SHARED_DATA

FILM = Path(__file__).resolve().parents[2] / "samples" / "kiosk.webm"


def bench(*arguments: str) -> dict[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "framestream.cli", "bench", "--format", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert done.stderr == ""
    report: dict[str, dict[str, object]] = json.loads(done.stdout)
    return report


@pytest.mark.long
def test_eight_cameras_and_a_sample_film() -> None:
    report = bench("--source", str(FILM), "--seconds", "5")
    assert report["source"]["name"] == str(FILM)
    assert report["source"]["frames"] == 600
    assert {"encode", "head"} <= set(report["stages"])
    assert len(report["ratios"]) == 6
    assert report["cameras"]["cameras"] == 8
    judged = [ratio for ratio in report["ratios"].values() if isinstance(ratio, dict) and ratio["target"] is not None]
    assert len(judged) == 4
    assert all(isinstance(ratio["met"], bool) for ratio in judged)


@pytest.mark.long
@pytest.mark.shared
def test_real_footage() -> None:
    if not SHARED_DATA.is_dir():
        pytest.skip("no real footage here")
    film = SHARED_DATA / "intel" / "car-detection.mp4"
    report = bench("--source", str(film), "--cameras", "0", "--seconds", "1")
    assert report["source"]["frames"] == 377
    assert report["cameras"] is None
    assert report["memory"] is not None
