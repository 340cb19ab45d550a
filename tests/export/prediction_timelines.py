"""Timelines of predictions made by hand, as a model could have given them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream_export.data.frame_cache import frame_labels
from framestream_export.data.recordings import Recording, Segment
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming

LABELS = ("clap", "idle", "wave")
BACKGROUND = "idle"
RATE = 10.0
TIMING = PredictionTiming(RATE, 4, 2)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def sure(predictions: Sequence[int], *, score: float = 0.9, classes: int = len(LABELS)) -> NDArray[np.float32]:
    """Rows that give a prediction `score`, and the rest to the others alike."""
    rows = np.full((len(predictions), classes), (1 - score) / (classes - 1), np.float32)
    rows[np.arange(len(predictions)), predictions] = score
    return rows


def clip(
    label: str, predictions: Sequence[int], *, name: str = "a.mp4", group: str | None = None, score: float = 0.9
) -> PredictionTimeline:
    """A trimmed clip of one label, and the likeliest class of each prediction."""
    recording = Recording(Path(name), name, (Segment(0.0, math.inf, label),), group or name)
    count = len(predictions)
    return PredictionTimeline(
        recording=recording,
        pts_seconds=TIMING.lead_seconds + np.arange(count) / RATE,
        probabilities=sure(predictions, score=score),
        labels=np.full(count, LABELS.index(label), np.int64),
        breaks=np.zeros(0, np.int64),
    )


def film(
    events: Sequence[tuple[float, float, str]],
    probabilities: NDArray[np.float32],
    *,
    name: str = "film.mp4",
    breaks: Sequence[int] = (),
) -> PredictionTimeline:
    """An untrimmed recording with a timeline."""
    segments = tuple(Segment(*event) for event in events)
    recording = Recording(Path(name), name, segments, name, fill_background=True)
    pts_seconds = TIMING.lead_seconds + np.arange(len(probabilities)) / RATE
    labels = frame_labels(recording, pts_seconds, LABELS, background=BACKGROUND)
    return PredictionTimeline(
        recording, pts_seconds, probabilities, labels.astype(np.int64), np.array(breaks, np.int64)
    )
