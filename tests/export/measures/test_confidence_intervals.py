"""Accuracy by clip and group, and how far it may be off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream_export.measures.confidence_intervals import difference_interval, share_interval, student_t
from framestream_export.measures.labelled import (
    accuracy,
    confusion_matrix,
    labelled_predictions_of,
    macro_f1,
    per_class,
    segments_of,
)
from tests.export.prediction_timelines import clip, film, sure


@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228)])
def test_students_t_is_that_of_the_tables(freedom: int, value: float) -> None:
    assert student_t(freedom) == pytest.approx(value, rel=0.01)


def test_one_clip_a_group_is_wilsons_interval() -> None:
    right = np.array([True] * 81 + [False] * 19)
    interval = share_interval(right, [str(index) for index in range(100)], most_independent=100)
    assert interval is not None
    # Newcombe (1998), 81 of 100 would be 0.722 to 0.875; t instead of z is a little wider.
    assert interval.low == pytest.approx(0.722, abs=0.005)
    assert interval.high == pytest.approx(0.875, abs=0.005)


def test_clips_that_stand_or_fall_together_count_as_one() -> None:
    right = np.repeat([True, True, True, False, True, False], 10)
    alike = share_interval(right, np.repeat(list("abcdef"), 10).tolist(), most_independent=60)
    apart = share_interval(right, [str(index) for index in range(60)], most_independent=60)
    assert alike is not None
    assert apart is not None
    assert alike.high - alike.low > 2 * (apart.high - apart.low)


def test_without_a_mistake_the_interval_still_has_a_width_and_few_groups_say_little() -> None:
    right = np.ones(40, bool)
    few = share_interval(right, ["a"] * 20 + ["b"] * 20, most_independent=40)
    many = share_interval(right, [str(index) for index in range(40)], most_independent=40)
    assert few is not None
    assert many is not None
    assert few.high == many.high == pytest.approx(1.0)
    assert few.low < 0.5 < 0.85 < many.low < 1
    assert share_interval(right, ["a"] * 40, most_independent=40) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), min_size=2, max_size=60))
def test_an_interval_holds_the_share_and_stays_between_none_and_all(rows: list[tuple[bool, str]]) -> None:
    right, groups = np.array([one for one, _ in rows]), [group for _, group in rows]
    interval = share_interval(right, groups, most_independent=len(rows))
    if len(set(groups)) < 2:
        assert interval is None
        return
    assert interval is not None
    assert 0 <= interval.low <= right.mean() + 1e-9
    assert right.mean() - 1e-9 <= interval.high <= 1


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Groups with shares of their own, twelve clips each: what the interval is for."""
    rng = np.random.default_rng(3)
    trials, covered = 400, 0
    for _ in range(trials):
        shares = rng.beta(8, 2, size=8)
        right = rng.random((8, 12)) < shares[:, None]
        interval = share_interval(right.ravel(), np.repeat(list("abcdefgh"), 12).tolist(), most_independent=96)
        assert interval is not None
        covered += interval.low <= 0.8 <= interval.high
    assert covered / trials > 0.92


def test_a_paired_difference() -> None:
    gains = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    interval = difference_interval(gains, list("aabbccdd"))
    assert interval is not None
    assert 0 < interval.low < gains.mean() < interval.high <= 1
    assert difference_interval(gains, ["a"] * 8) is None


def test_segments_are_clips_labelled_parts_and_what_gaps_leave_of_them() -> None:
    rows = sure([1] * 10 + [2] * 10 + [1] * 10)
    timelines = [clip("clap", [0, 0, 2]), film([(1.1, 2.1, "wave")], rows, breaks=[25])]
    segments = segments_of(timelines)
    assert [(segment.timeline, segment.start, segment.stop, segment.label) for segment in segments] == [
        (0, 0, 3, 0),
        (1, 0, 10, 1),
        (1, 10, 20, 2),
        (1, 20, 25, 1),
        (1, 25, 30, 1),
    ]
    predictions = labelled_predictions_of(timelines)
    assert predictions.segments.tolist() == [0] * 3 + [1] * 10 + [2] * 10 + [3] * 5 + [4] * 5
    assert accuracy(predictions) == pytest.approx(32 / 33)
    assert all(segment.right for segment in segments)
    assert labelled_predictions_of([]).labels.shape == (0,)


def test_figures_by_label() -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    figures = per_class(confusion_matrix(truth, said, 4), ["a", "b", "c", "d"])
    assert figures["a"] == {"precision": 1.0, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8), "support": 3}
    assert figures["c"] == {"precision": None, "recall": 0.0, "f1": 0.0, "support": 1}
    assert figures["d"] == {"precision": None, "recall": None, "f1": None, "support": 0}
    assert macro_f1(figures) == pytest.approx((0.8 + 2 / 3 + 0) / 3)
