"""The sample that teaches the small encoder joints: what it writes is what `--weights` takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from framestream_export.encoders import build_encoder

SCRIPT = Path(__file__).parents[2] / "samples" / "pretrain_encoder.py"


def test_its_weights_can_be_trained_on(tmp_path: Path) -> None:
    weights = tmp_path / "people.weights.h5"
    command = [sys.executable, str(SCRIPT), str(weights), "--scenes", "50", "--pictures", "6", "--epochs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "joints off by" in done.stdout
    frames = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), np.uint8)
    loaded = build_encoder("small", size=96, feature_dim=128, weights=str(weights))
    fresh = build_encoder("small", size=96, feature_dim=128)
    assert not np.allclose(loaded(frames), fresh(frames))


def test_the_weights_that_come_along_tell_pictures_apart() -> None:
    frames = np.random.default_rng(2).integers(0, 256, (2, 96, 96, 3), np.uint8)
    first, second = np.asarray(build_encoder("small", size=96, feature_dim=128, weights="people")(frames))
    assert np.isfinite([first, second]).all()
    assert np.abs(first - second).max() > 0.05
