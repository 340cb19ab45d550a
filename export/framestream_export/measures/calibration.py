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
# Zeros have no logarithm. Where a loss is told, one of them should not be all there is to see.
_SMALLEST, _SMALLEST_TOLD = 1e-30, 1e-12


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions whose highest score lies in [low, high).

    Attributes:
        low: Lower end; the last bin includes its upper end.
        high: Upper end.
        count: LabelledPredictions in it.
        score: Their mean highest score; None if there are none.
        accuracy: The share of them that is right; None if there are none.
    """

    low: float
    high: float
    count: int
    score: float | None
    accuracy: float | None


def reliability(answers: LabelledPredictions, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width over the highest score.

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    scores = answers.probabilities.max(axis=1).astype(np.float64)
    right = answers.probabilities.argmax(axis=1) == answers.labels
    place = np.clip((scores * bins).astype(int), 0, bins - 1)
    found = []
    for index in range(bins):
        inside = place == index
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


def log_loss(answers: LabelledPredictions) -> float:
    """Mean negative log likelihood of the true labels, in nats."""
    chosen = answers.probabilities[np.arange(len(answers.labels)), answers.labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, _SMALLEST_TOLD)).mean())


def fit_temperature(timelines: Sequence[PredictionTimeline]) -> float:
    """The temperature that makes the scores of some recordings likeliest, those kept out of training.

    Log probabilities differ from logits by a constant for each answer, which a softmax does not see, so they serve as
    logits. With beta = 1 / temperature the negative log likelihood is convex in beta; its slope is brought to zero by
    bisection, between `LOWEST_TEMPERATURE` and `HIGHEST_TEMPERATURE`.

    Every answer counts alike, not every piece: a score is shown for answers, as often as they come, and the report
    measures it so. But answers of one piece say much the same. So one more piece, of which nobody can say what it
    shows, is added with the weight of an average one. It hardly matters among hundreds; without it, a handful of pieces
    that are all right would ask for certainty (after J. Platt, "Probabilistic outputs for support vector machines",
    1999, section 2.2, who smooths the targets for the same reason).

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Raises:
        DataError: No answer has a label.
    """
    answers = labelled_predictions_of(timelines)
    if not len(answers.labels):
        raise DataError("no answer has a label: there is nothing to fit a temperature to")
    logits = np.log(np.maximum(answers.probabilities.astype(np.float64), _SMALLEST))
    unsure = 1 / (1 + len(np.unique(answers.pieces)))
    chosen = logits[np.arange(len(logits)), answers.labels]
    wanted = (1 - unsure) * chosen.mean() + unsure * logits.mean()

    def slope(beta: float) -> float:
        return float((_softmax(beta * logits) * logits).sum(axis=1).mean() - wanted)

    low, high = np.log(1 / HIGHEST_TEMPERATURE), np.log(1 / LOWEST_TEMPERATURE)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(np.exp(middle)) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """What the scores [N, classes] become when the logits are divided by a temperature."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))
    return _softmax(logits / temperature).astype(np.float32)


def tempered_timelines(timelines: Sequence[PredictionTimeline], temperature: float) -> list[PredictionTimeline]:
    """The same for whole timelines."""
    return [replace(timeline, probabilities=tempered(timeline.probabilities, temperature)) for timeline in timelines]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
