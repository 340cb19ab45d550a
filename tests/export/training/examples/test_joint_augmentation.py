"""Joints are changed as a body and a camera would change them, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from framestream_export.training.examples.joint_augmentation import augment_joints

LEFT_WRIST, RIGHT_WRIST = 9, 10


def walking(frames: int = 40) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    pose = np.concatenate([rng.uniform(0.3, 0.7, (17, 2)), np.full((17, 1), 0.9)], axis=1)
    joints = np.repeat(pose[None], frames, axis=0)
    joints[:, :, 0] += np.linspace(-0.1, 0.1, frames)[:, None]
    return joints.reshape(frames, -1).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_shape_and_scores_stay_and_the_joints_given_are_left_alone(seed: int, flip: bool) -> None:
    joints = walking()
    before = joints.copy()
    changed = augment_joints(joints, np.random.default_rng(seed), flip=flip).reshape(-1, 17, 3)
    np.testing.assert_array_equal(joints, before)
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert (changed[..., 2] >= 0).all()
    assert (changed[..., 2] <= 1).all()


def test_the_same_draws_make_the_same_joints() -> None:
    first, second = (augment_joints(walking(), np.random.default_rng(7), flip=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_mirrored_left_hand_is_a_right_hand() -> None:
    joints = walking(1).reshape(17, 3)
    joints[LEFT_WRIST], joints[RIGHT_WRIST] = (0.9, 0.1, 0.9), (0.5, 0.9, 0.9)
    sides = set()
    for seed in range(200):
        changed = augment_joints(joints.reshape(1, -1), np.random.default_rng(seed), flip=True).reshape(17, 3)
        if changed[:, 2].min() > 0.3:  # none was lost
            left_is_up = changed[LEFT_WRIST, 1] < changed[RIGHT_WRIST, 1]
            sides.add(("left" if left_is_up else "right", bool(changed[LEFT_WRIST, 0] > changed[RIGHT_WRIST, 0])))
    # Either as it was, the left hand up and farther right, or the right hand up and farther left.
    assert sides == {("left", True), ("right", True)}


def test_without_mirroring_sides_stay() -> None:
    joints = walking(1).reshape(17, 3)
    joints[LEFT_WRIST], joints[RIGHT_WRIST] = (0.9, 0.1, 0.9), (0.5, 0.9, 0.9)
    for seed in range(100):
        changed = augment_joints(joints.reshape(1, -1), np.random.default_rng(seed), flip=False).reshape(17, 3)
        if changed[:, 2].min() > 0.3:
            assert changed[LEFT_WRIST, 1] < changed[RIGHT_WRIST, 1]


def test_a_body_is_changed_as_a_whole() -> None:
    """Frame by frame nothing but a little noise is new: a body that walks evenly goes on doing so."""
    for seed in range(50):
        changed = augment_joints(walking(), np.random.default_rng(seed), flip=True).reshape(-1, 17, 3)
        kept = changed[:, changed[..., 2].min(axis=0) > 0.3]
        steps = np.diff(kept[..., 0], axis=0)
        assert np.abs(steps - steps.mean()).max() < 0.05
