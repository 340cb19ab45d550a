"""The linear model of windows: what it sees, and that it is fitted right."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from framestream_export.training.linear_model import LinearModel
from framestream_export.training.pooled_windows import pool_windows


def test_a_window_is_described_by_mean_deviation_and_change() -> None:
    features = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]], np.float32)
    pooled = pool_windows(features, np.array([2]), window=3)
    np.testing.assert_allclose(pooled, [[2.0, 5.0, np.sqrt(8 / 3), 0.0, 4.0, 0.0]], rtol=1e-6)


def test_past_its_end_a_segment_holds_its_last_frame() -> None:
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    held = np.concatenate([features, features[-1:], features[-1:]])
    np.testing.assert_array_equal(
        pool_windows(features, np.array([4]), window=4), pool_windows(held, np.array([4]), window=4)
    )


@given(st.integers(0, 1000))
def test_classes_that_lie_apart_are_told_however_many_rows_each_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [60, 12, 6])
    middles = 20 * np.eye(3, 20)
    rows = (middles[labels] + rng.normal(0, 0.5, (len(labels), 20))).astype(np.float32)
    fitted = LinearModel.fit(rows, labels, classes=3)
    fresh = (middles + rng.normal(0, 0.5, (3, 20))).astype(np.float32)
    assert fitted.scores(fresh).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_feature_that_never_changes_and_a_class_without_rows_do_no_harm() -> None:
    rows = np.array([[1.0, 7.0], [2.0, 7.0], [8.0, 7.0], [9.0, 7.0]], np.float32)
    fitted = LinearModel.fit(rows, np.array([0, 0, 2, 2]), classes=3)
    scores = fitted.scores(rows)
    assert np.isfinite(scores).all()
    assert scores.argmax(axis=1).tolist() == [0, 0, 2, 2]
