"""The pose network against the answers of the one its weights come from, and joints against plain arithmetic."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from framestream.errors import SettingsError
from framestream.model.spec import JOINTS
from framestream_export.encoders.body import BODY_FEATURES, describe_body
from framestream_export.encoders.building import build_encoder
from framestream_export.encoders.joints import find_joints
from framestream_export.encoders.movenet import HEADS, build_movenet
from framestream_export.encoders.pose_encoder import load_movenet_weights

# Rendered frames, what the original graph says of them at 192 pixels, and its heads at 160 for one of them, as float16.
GOLDEN = np.load(Path(__file__).with_name("movenet") / "golden.npz")


def network(size: int) -> keras.Model:
    made = build_movenet(size)
    load_movenet_weights(made)
    return made


def described(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(describe_body(keypoints))


def test_heads_are_those_of_the_original() -> None:
    heads = network(160)(GOLDEN["frames_160"].astype(np.float32))
    for name in HEADS:
        wanted = GOLDEN[f"{name}_160"].astype(np.float32).transpose(0, 2, 3, 1)
        np.testing.assert_allclose(np.asarray(heads[name]), wanted, rtol=2e-3, atol=5e-3, err_msg=name)


def test_joints_are_those_of_the_original() -> None:
    encoder = build_encoder("movenetlightning", size=192, feature_dim=1, weights="people", freeze=True)
    found = np.asarray(encoder(GOLDEN["frames_192"].astype(np.float32))).reshape(-1, JOINTS, 3)
    np.testing.assert_allclose(found[..., [1, 0, 2]], GOLDEN["keypoints_192"], atol=5e-4)


def test_an_encoder_that_was_saved_needs_no_code_of_ours(tmp_path: Path) -> None:
    encoder = build_encoder("movenetlightning", size=64, feature_dim=1, weights="people", freeze=True)
    encoder.save(tmp_path / "encoder.keras")
    read = keras.saving.load_model(tmp_path / "encoder.keras", compile=False, safe_mode=True)
    frames = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(read(frames)), np.asarray(encoder(frames)))


def test_a_size_that_the_pyramid_cannot_have_is_refused() -> None:
    with pytest.raises(SettingsError, match="multiple of 32 pixels, not 100"):
        build_encoder("movenetlightning", size=100, feature_dim=1)


def read_off(heads: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Joints [17, 3] of one picture, cell by cell, as the rule reads."""
    grid = heads["centre"].shape[0]
    cells = [(y, x) for y in range(grid) for x in range(grid)]

    def off_middle(y: int, x: int) -> float:
        return float(np.hypot(y - grid / 2, x - grid / 2)) * 48 / grid

    centre = max(cells, key=lambda cell: heads["centre"][cell][0] / (off_middle(*cell) + 1.8))
    joints = []
    for joint in range(JOINTS):
        first = np.array(centre) + heads["regression"][centre][2 * joint : 2 * joint + 2]

        def weighted(cell: tuple[int, int], joint: int = joint, first: NDArray[np.float64] = first) -> float:
            return float(heads["heat"][cell][joint] / (np.hypot(*(first - cell)) + 1.8))

        best = max(cells, key=weighted)
        y, x = (np.array(best) + heads["offset"][best][2 * joint : 2 * joint + 2]) / grid
        joints.append((x, y, heads["heat"][best][joint]))
    return np.array(joints)


@pytest.mark.parametrize("seed", range(5))
def test_joints_are_read_off_the_heads_as_the_rule_says(seed: int) -> None:
    rng, grid = np.random.default_rng(seed), 8
    heads = {name: rng.normal(0, 2, (3, grid, grid, channels)).astype(np.float32) for name, channels in HEADS.items()}
    for name in ("centre", "heat"):
        heads[name] = (1 / (1 + np.exp(-heads[name]))).astype(np.float32)
    inputs = {name: keras.Input(values.shape[1:], name=name) for name, values in heads.items()}
    found = np.asarray(keras.Model(inputs, find_joints(inputs))(heads))
    for index in range(3):
        wanted = read_off({name: values[index] for name, values in heads.items()})
        np.testing.assert_allclose(found[index], wanted, atol=1e-5)


people = arrays(np.float32, (JOINTS, 3), elements=st.floats(0.25, 0.75, width=32))


@given(people, st.floats(0.5, 1.5), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_the_same_pose_elsewhere_is_described_alike(
    joints: NDArray[np.float32], scale: float, across: float, down: float
) -> None:
    moved = joints.copy()
    moved[:, :2] = (joints[:, :2] - 0.5) * np.float32(scale) + np.float32(0.5) + np.array([across, down], np.float32)
    first, second = described(np.stack([joints, moved]).reshape(2, -1))
    if np.ptp(joints[:, :2], axis=0).max() * min(scale, 1.0) > 0.2:  # else it is too small to have a size of its own
        np.testing.assert_allclose(first[: 3 * JOINTS], second[: 3 * JOINTS], atol=2e-3)
        assert second[-2] - first[-2] == pytest.approx(np.log(scale), abs=2e-3)


@given(arrays(np.float32, (3, 3 * JOINTS), elements=st.floats(-0.5, 1.5, width=32)))
def test_no_joints_make_no_features_that_are_no_numbers(keypoints: NDArray[np.float32]) -> None:
    features = described(keypoints)
    assert features.shape == (3, BODY_FEATURES)
    assert np.isfinite(features).all()


def test_a_body_that_is_not_there_is_zeros_and_a_flag() -> None:
    joints = np.random.default_rng(0).uniform(0, 1, (JOINTS, 3)).astype(np.float32)
    unseen = joints.copy()
    unseen[:, 2] = 0.05
    there, gone = described(np.stack([joints, unseen]).reshape(2, -1))
    assert there[-1] == 1
    assert not gone.any()
