"""Whether a score of 0.9 is right nine times in ten, and the one number that makes it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.measures.labelled import LabelledPredictions, labelled_predictions_of
from framestream_export.measures.prediction_timelines import PredictionTimeline

BINS = 10
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0
# A probability of zero has no logarithm. In a reported loss a single one must not outweigh all others.
_SMALLEST, _SMALLEST_REPORTED = 1e-30, 1e-12


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions whose highest score lies in [low, high).

    Attributes:
        low: Lower end of the bin; the last bin includes its upper end.
        high: Upper end of the bin.
        count: Number of predictions in the bin.
        score: Mean of the highest scores of the predictions in the bin; None if there are none.
        accuracy: The share of them that is right; None if there are none.
    """

    low: float
    high: float
    count: int
    score: float | None
    accuracy: float | None


def reliability(predictions: LabelledPredictions, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width over the highest score.

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    scores = predictions.probabilities.max(axis=1).astype(np.float64)
    right = predictions.probabilities.argmax(axis=1) == predictions.labels
    bin_of = np.clip((scores * bins).astype(int), 0, bins - 1)
    found = []
    for index in range(bins):
        inside = bin_of == index
        count = int(inside.sum())
        found.append(
            Bin(
                low=index / bins,
                high=(index + 1) / bins,
                count=count,
                score=float(scores[inside].mean()) if count else None,
                accuracy=float(right[inside].mean()) if count else None,
            )
        )
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: how far score and accuracy are apart on average, 0 to 1."""
    total = sum(one.count for one in bins)
    gap = 0.0
    for one in bins:
        if one.score is not None and one.accuracy is not None:
            gap += one.count * abs(one.score - one.accuracy)
    return gap / total if total else 0.0


def log_loss(predictions: LabelledPredictions) -> float:
    """Mean negative log likelihood of the true labels, in nats."""
    chosen = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, _SMALLEST_REPORTED)).mean())


def fit_temperature(timelines: Sequence[PredictionTimeline]) -> float:
    """The temperature that makes the scores of some recordings likeliest, those kept out of training.

    Log probabilities differ from logits by a constant for each prediction, which a softmax cancels, so they serve as
    logits. With beta = 1 / temperature the negative log likelihood is convex in beta; its slope is brought to zero by
    bisection, between `LOWEST_TEMPERATURE` and `HIGHEST_TEMPERATURE`.

    Every prediction counts alike, not every segment: scores are shown, and measured in the report, by prediction. But
    predictions of one segment hardly differ. So one more segment, whose label is unknown, is added with the weight of
    an average one. Among hundreds it hardly matters; without it, a handful of segments that are all right would ask for
    certainty (after J. Platt, "Probabilistic outputs for support vector machines",
    1999, section 2.2, who smooths the targets for the same reason).

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Raises:
        DataError: No prediction has a label.
    """
    predictions = labelled_predictions_of(timelines)
    if not len(predictions.labels):
        raise DataError("no prediction has a label: there is nothing to fit a temperature to")
    logits = np.log(np.maximum(predictions.probabilities.astype(np.float64), _SMALLEST))
    unsure = 1 / (1 + len(np.unique(predictions.segments)))
    chosen = logits[np.arange(len(logits)), predictions.labels]
    wanted = (1 - unsure) * chosen.mean() + unsure * logits.mean()

    def slope(beta: float) -> float:
        return float((_softmax(beta * logits) * logits).sum(axis=1).mean() - wanted)

    low, high = np.log(1 / HIGHEST_TEMPERATURE), np.log(1 / LOWEST_TEMPERATURE)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(np.exp(middle)) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return scores [N, classes] as they are when the logits are divided by a temperature."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))
    return _softmax(logits / temperature).astype(np.float32)


def tempered_timelines(timelines: Sequence[PredictionTimeline], temperature: float) -> list[PredictionTimeline]:
    """Return the timelines with their scores as they are when the logits are divided by a temperature."""
    return [replace(timeline, probabilities=tempered(timeline.probabilities, temperature)) for timeline in timelines]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
