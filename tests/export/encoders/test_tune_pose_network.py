"""The sample that teaches the pose network rendered people: it gets better at them, and its weights can be used."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from footage.recorder import record_shots, write_manifest
from framestream_export.encoders.building import build_encoder

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shots")
    write_manifest(folder / "manifest.csv", list(record_shots(folder, count=8, seed=4)))
    return folder


@pytest.mark.long
def test_it_finds_more_of_the_joints_than_before_and_its_weights_load(shots: Path, tmp_path: Path) -> None:
    weights = tmp_path / "pose.weights.h5"
    real = tmp_path / "real"
    real.mkdir()
    (real / "film.webm").symlink_to(SAMPLES / "care-home.webm")
    command = [sys.executable, str(SAMPLES / "tune_pose_network.py"), str(shots), "--real", str(real)]
    options = ["--steps", "40", "--learning-rate", "1e-4", "--output", str(weights)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = (float(share) for share in re.findall(r": ([\d.]+) of joints within", done.stdout))
    assert after > before
    tuned = build_encoder("MoveNetLightning", size=160, feature_dim=1, weights=str(weights)).get_weights()
    assert all(np.array_equal(weight, weight.astype(np.float16)) for weight in tuned), (
        "stored as float16 nothing is lost"
    )
    first = build_encoder("MoveNetLightning", size=160, feature_dim=1, weights="people").get_weights()
    changed = sum(not np.array_equal(one, other) for one, other in zip(tuned, first, strict=True))
    assert len(first) // 2 < changed < len(first), "but for the first layers, which stay as they are"


def test_shots_without_joints_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.csv", list(record_shots(tmp_path, count=1, seed=4)))
    next(tmp_path.rglob("shot-00000.joints.npy")).unlink()
    command = [sys.executable, str(SAMPLES / "tune_pose_network.py"), str(tmp_path), "--real", str(SAMPLES / "clips")]
    done = subprocess.run([*command, "--output", str(tmp_path / "x.h5")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "shot-00000.joints.npy is not there" in done.stderr
