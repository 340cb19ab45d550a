"""The sample that teaches the small encoder joints: what it writes is what `--weights` takes."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from framestream_export.encoders.building import build_encoder

SCRIPT = Path(__file__).parents[3] / "samples" / "pretrain_encoder.py"


@pytest.mark.long
def test_its_weights_can_be_trained_on(tmp_path: Path) -> None:
    weights = tmp_path / "people.weights.h5"
    options = ["--scenes", "40", "--pictures", "12", "--epochs", "16", "--seed", "21"]
    done = subprocess.run([sys.executable, str(SCRIPT), str(weights), *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    errors = [float(text) for text in re.findall(r"joints off by ([\d.]+) %", done.stdout)]
    assert len(errors) == 16
    assert errors[-1] < errors[0] / 2
    loaded = build_encoder("small", size=96, feature_dim=128, weights=str(weights))
    keras.utils.set_random_seed(21)
    untaught = build_encoder("small", size=96, feature_dim=128)
    pairs = zip(untaught.weights, loaded.get_weights(), untaught.get_weights(), strict=True)
    unmoved = [variable.path for variable, taught, first in pairs if np.array_equal(taught, first)]
    assert unmoved == []
    keras.utils.set_random_seed(21)
    assert np.array_equal(build_encoder("small", size=96, feature_dim=128).get_weights()[0], untaught.get_weights()[0])


def test_the_weights_that_come_along_tell_pictures_apart() -> None:
    frames = np.random.default_rng(2).integers(0, 256, (2, 96, 96, 3), np.uint8)
    first, second = np.asarray(build_encoder("small", size=96, feature_dim=128, weights="people")(frames))
    assert np.isfinite([first, second]).all()
    assert np.abs(first - second).max() > 0.05
