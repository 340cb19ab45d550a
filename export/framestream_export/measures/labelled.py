"""Predictions whose true label is known, one by one and by labelled segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from framestream_export.data.frame_cache import UNLABELLED
from framestream_export.measures.prediction_timelines import PredictionTimeline

ClassFigures = dict[str, dict[str, float | int | None]]


@dataclass(frozen=True, slots=True)
class LabelledPredictions:
    """All predictions of some recordings whose true label is known.

    Attributes:
        probabilities: float32 [N, classes].
        labels: int64 [N], the true labels.
        segments: int64 [N], the number of the labelled segment that each prediction belongs to.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    segments: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelledSegment:
    """A clip, or a part of a film, throughout which one label holds: rows [start, stop) of a timeline.

    Attributes:
        timeline: Index of the segment's timeline.
        start: Index of the segment's first row.
        stop: Index of the row after the segment's last.
        label: The true label, as an index.
        probabilities: float64 [classes], the mean over its rows.
    """

    timeline: int
    start: int
    stop: int
    label: int
    probabilities: NDArray[np.float64]

    @property
    def prediction(self) -> int:
        """The likeliest class."""
        return int(self.probabilities.argmax())

    @property
    def right(self) -> bool:
        """Whether the likeliest class is the true one."""
        return self.prediction == self.label


def segments_of(timelines: Sequence[PredictionTimeline]) -> list[LabelledSegment]:
    """Return all labelled segments, in order; a segment ends where the label changes or the video has a gap."""
    found = []
    for index, timeline in enumerate(timelines):
        changes = np.flatnonzero(np.diff(timeline.labels)) + 1
        borders = np.unique(np.concatenate([[0, len(timeline.labels)], changes, timeline.breaks])).astype(int).tolist()
        for start, stop in pairwise(borders):
            label = int(timeline.labels[start])
            if label != UNLABELLED:
                mean = timeline.probabilities[start:stop].mean(axis=0, dtype=np.float64)
                found.append(LabelledSegment(index, start, stop, label, mean))
    return found


def labelled_predictions_of(timelines: Sequence[PredictionTimeline]) -> LabelledPredictions:
    """Return all predictions whose true label is known, in order."""
    segments = segments_of(timelines)
    classes = timelines[0].probabilities.shape[1] if timelines else 0
    rows = [timelines[segment.timeline].probabilities[segment.start : segment.stop] for segment in segments]
    lengths = np.array([segment.stop - segment.start for segment in segments], np.int64)
    return LabelledPredictions(
        np.concatenate(rows) if rows else np.zeros((0, classes), np.float32),
        np.repeat(np.array([segment.label for segment in segments], np.int64), lengths),
        np.repeat(np.arange(len(segments)), lengths),
    )


def weighted_loss(predictions: LabelledPredictions, weights: NDArray[np.float32]) -> float:
    """Cross entropy, the classes weighted as in training."""
    chosen = np.maximum(predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels], 1e-7)
    own = weights[predictions.labels]
    return float(-(own * np.log(chosen)).sum() / own.sum())


def accuracy(predictions: LabelledPredictions) -> float:
    """Share of predictions whose likeliest class is right."""
    return float((predictions.probabilities.argmax(axis=1) == predictions.labels).mean())


def confusion_matrix(truth: NDArray[np.int64], said: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Int64 [classes, classes]. Rows: the truth; columns: the prediction."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, said), 1)
    return matrix


def per_class(confusion: NDArray[np.int64], labels: Sequence[str]) -> ClassFigures:
    """Precision, recall, F1 and support of each label; None where there is nothing to divide by."""
    right, truth, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        label: {
            "precision": float(right[index] / said[index]) if said[index] else None,
            "recall": float(right[index] / truth[index]) if truth[index] else None,
            "f1": float(2 * right[index] / (truth[index] + said[index])) if truth[index] + said[index] else None,
            "support": int(truth[index]),
        }
        for index, label in enumerate(labels)
    }


def macro_f1(figures: ClassFigures) -> float | None:
    """The mean F1 of the labels that occur, each counting alike; None if none does.

    A label that does not occur but was predicted is no part of it: it shows in the precision of others.
    """
    scores = [values["f1"] or 0.0 for values in figures.values() if values["support"]]
    return float(np.mean(scores)) if scores else None
