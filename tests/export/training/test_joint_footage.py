"""Joints of shots that are not drawn: true ones with a pose network's errors."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from footage.recorder import EMPTY_SHOTS, draw_shot, record_shots, true_joints, write_manifest
from framestream_export.data.feature_files import read_features
from joint_footage.network_errors import NetworkErrors, body_sizes
from tests.export.conftest import ROOT

RNG = np.random.default_rng(0)


def person(count: int, *, size: float = 0.15, middle: float = 0.5) -> np.ndarray:
    """Joints around a place, as large as is said: float32 [count, 17, 2]."""
    joints = RNG.normal(0, 1, (count, 17, 2))
    joints /= joints.std(axis=1, keepdims=True)
    return (middle + size * np.clip(joints - joints.mean(axis=1, keepdims=True), -2.5, 2.5)).astype(np.float32)


def found_near(true: np.ndarray, *, score: float = 0.6) -> np.ndarray:
    trembling = true + RNG.normal(0, 0.01, true.shape)
    return np.concatenate([trembling, np.full((*true.shape[:2], 1), score)], axis=-1).astype(np.float32)


def test_errors_go_with_the_size_of_the_person() -> None:
    true = person(30)
    errors = NetworkErrors.between(found_near(true), true)
    smaller = person(30, size=0.05)
    said = errors.lay_over(smaller, np.random.default_rng(1))
    start = int(np.random.default_rng(1).integers(30))
    steps = (start + np.arange(30)) % 60
    frames = np.where(steps < 30, steps, 59 - steps)
    share = body_sizes(smaller) / body_sizes(true)[frames]
    np.testing.assert_allclose(said[..., :2] - smaller, (errors.offsets * body_sizes(true))[frames] * share, atol=1e-6)
    assert np.allclose(said[..., 2], 0.6)


def test_a_short_shot_is_run_through_forwards_and_backwards() -> None:
    true = person(7)
    errors = NetworkErrors.between(found_near(true), true)
    numbers = np.repeat(np.arange(7.0, dtype=np.float32)[:, None], 17, axis=1)
    numbered = NetworkErrors(errors.offsets, numbers, errors.outside)
    frames = numbered.lay_over(person(40), np.random.default_rng(2))[:, 0, 2]
    assert set(np.abs(np.diff(frames))) <= {0.0, 1.0}, "no jump from the last frame to the first"
    assert set(frames) == set(range(7))


def test_joints_out_of_the_picture_are_lost_and_those_of_the_other_shot_are_no_model() -> None:
    away = person(20, size=0.05)
    away[:, 3] = 1.4
    errors = NetworkErrors.between(found_near(away, score=0.02), away)
    here = person(20, size=0.05)
    here[:, 5] = -0.3
    said = errors.lay_over(here, np.random.default_rng(3))
    np.testing.assert_array_equal(said[:, 5, :2], 0)
    assert (said[:, 5, 2] <= 0.1).all()
    np.testing.assert_array_equal(said[:, 3, :2], here[:, 3])
    assert (said[:, 3, 2] >= 0.4).all()


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four shots, and what the pose network says of them."""
    from framestream.cli.main import run

    folder = tmp_path_factory.mktemp("shots") / "shots"
    write_manifest(folder / "manifest.csv", list(record_shots(folder, count=4, seed=6)))
    options = ["--output", str(folder.parent / "features"), "--size", "128", "--rate", "10"]
    assert run(["embed", str(folder), *options]) == 0
    return folder


def render_joints(target: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "samples" / "render.py", "joints", target, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_the_command_writes_joints_of_shots_that_are_not_drawn(shots: Path, tmp_path: Path) -> None:
    source = ("--errors-from", shots, shots.parent / "features")
    done = render_joints(tmp_path / "joints", "--count", 12, "--seed", 6, *source)
    assert done.returncode == 0, done.stderr
    paths = sorted((tmp_path / "joints").rglob("*.npz"))
    assert len(paths) == 12
    drawn = read_features(shots.parent / "features" / "shots" / "shot-00000.webm.npz")
    distances = []
    for path in paths:
        number, found = int(path.stem.removeprefix("shot-")), read_features(path)
        assert number >= 100_000
        assert number % EMPTY_SHOTS != EMPTY_SHOTS - 1, "nobody is there"
        assert found.maker == drawn.maker
        np.testing.assert_allclose(np.diff(found.pts_seconds), 0.1)
        scene, _ = draw_shot(6, number)
        true, joints = true_joints(scene, rate=10.0), found.features.reshape(-1, 17, 3)
        assert len(true) == len(joints)
        inside = ((true >= 0) & (true <= 1)).all(axis=-1)
        distances.append(np.median(np.abs(joints[..., :2] - true)[inside]))
        assert (joints[..., 2][~inside] <= 0.1).all()
        with (tmp_path / "joints" / "manifest.csv").open(newline="") as listed:
            rows = [row for row in csv.DictReader(listed) if row["path"] == f"joints/{path.name}"]
        assert [(row["label"], float(row["start"])) for row in rows] == [
            (part.label, pytest.approx(part.start, abs=1e-3)) for part in scene.segments
        ]
        assert {row["split"] for row in rows} == {"train"}
    assert np.median(distances) < 0.1, "of a shot in which the network lost the person, all are off"
    again = render_joints(tmp_path / "again", "--count", 12, "--seed", 6, "--jobs", 2, *source)
    assert again.returncode == 0, again.stderr
    assert all((tmp_path / "again" / "joints" / path.name).read_bytes() == path.read_bytes() for path in paths)


def test_what_there_is_nothing_to_learn_from_is_said(shots: Path, tmp_path: Path) -> None:
    done = render_joints(tmp_path / "j", "--count", 1, "--errors-from", shots, tmp_path)
    assert done.returncode == 1
    assert "error: no" in done.stderr
    assert "framestream embed SHOTS" in done.stderr
    done = render_joints(tmp_path / "j", "--count", 1, "--errors-from", tmp_path, shots.parent / "features")
    assert "give the folder of render.py shots that was embedded" in done.stderr
    assert "Traceback" not in done.stderr
