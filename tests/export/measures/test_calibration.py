"""Scores that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.measures.calibration import (
    calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    tempered,
    tempered_timelines,
)
from framestream_export.measures.labelled import labelled_predictions_of
from framestream_export.measures.prediction_timelines import PredictionTimeline
from tests.export.prediction_timelines import LABELS, clip, softmax


def exact(row: NDArray[np.float32]) -> NDArray[np.float64]:
    """The same, adding up to 1 in double precision."""
    return row.astype(np.float64) / row.astype(np.float64).sum()


def drawn(rng: np.random.Generator, *, count: int, factor: float) -> list[PredictionTimeline]:
    """Clips whose labels are drawn from the probabilities, which are then reported `factor` times as surely."""
    timelines = []
    for index in range(count):
        logits = np.repeat(rng.normal(0, 1.5, (1, 3)), 4, axis=0)
        label = LABELS[rng.choice(3, p=exact(softmax(logits)[0]))]
        timeline = clip(label, [0] * 4, name=f"{index}.mp4")
        timelines.append(
            PredictionTimeline(
                timeline.recording, timeline.pts_seconds, softmax(factor * logits), timeline.labels, timeline.breaks
            )
        )
    return timelines


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(factor: float) -> None:
    timelines = drawn(np.random.default_rng(0), count=2000, factor=factor)
    found = fit_temperature(timelines)
    assert found == pytest.approx(factor, rel=0.12)
    before, after = labelled_predictions_of(timelines), labelled_predictions_of(tempered_timelines(timelines, found))
    assert log_loss(after) <= log_loss(before) + 1e-4
    if factor == 3.0:
        assert calibration_error(reliability(after)) < 0.3 * calibration_error(reliability(before))


def test_a_few_clips_without_a_mistake_do_not_ask_for_certainty() -> None:
    timelines = [
        clip(label, [index] * 5, name=f"{label}{number}") for index, label in enumerate(LABELS) for number in "abc"
    ]
    scores = tempered(timelines[0].probabilities, fit_temperature(timelines))
    # Nine of nine, and one more of which nobody knows: (9 + 1/3) / 10.
    assert scores.max() == pytest.approx((9 + 1 / 3) / 10, abs=0.01)


def test_nothing_to_fit() -> None:
    timeline = clip("wave", [2])
    unknown = PredictionTimeline(
        timeline.recording, timeline.pts_seconds, timeline.probabilities, np.array([-1]), timeline.breaks
    )
    with pytest.raises(DataError, match="no prediction has a label"):
        fit_temperature([unknown])


@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_a_temperature_changes_no_decision_and_can_be_undone(seed: int, temperature: float) -> None:
    rows = softmax(np.random.default_rng(seed).normal(0, 2, (6, 4)))
    cooled = tempered(rows, temperature)
    np.testing.assert_allclose(cooled.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(cooled.argmax(axis=1), rows.argmax(axis=1))
    np.testing.assert_allclose(tempered(cooled, 1 / temperature), rows, atol=1e-4)


def test_bins_hold_every_prediction_and_the_error_is_their_distance() -> None:
    timelines = [clip("wave", [2, 2, 2, 0], score=0.95), clip("clap", [1, 1], score=1.0)]
    bins = reliability(labelled_predictions_of(timelines))
    assert [one.count for one in bins] == [0] * 9 + [6]
    assert bins[-1].accuracy == pytest.approx(0.5)
    assert calibration_error(bins) == pytest.approx((4 * 0.95 + 2) / 6 - 0.5)
    assert bins[0].score is bins[0].accuracy is None
