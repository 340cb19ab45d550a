"""Which encoder to train with, where the user leaves it open: measured on the clips, not guessed.

Each encoder's features are cross-validated by group with a linear model, on the clips that the run trains and validates
on; those that it is tested on have no say. That takes seconds once the clips are encoded, and the features are what the
run goes on with. The first of the presets is taken unless another is clearly better: the linear model sees little of
what an LSTM can make of joints, and joints are the same in other rooms and another light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.data.folds import assign_folds
from framestream_export.data.frame_cache import FrameSegment
from framestream_export.measures.confidence_intervals import difference_interval
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.examples.windows import labels_at, prediction_ends
from framestream_export.training.linear_model import LinearModel, pool_windows
from framestream_export.training.network.projection import describe_bodies
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.presets import Preset
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData, labelled_frames

_MOST_FOLDS = 5
_MOST_WINDOWS = 2000
# What another preset has to gain: at least this share of windows, and more than chance would give it. With few groups
# nobody knows what chance would give: then the larger share is enough.
_LEAST_GAIN, _SURE_GAIN = 0.02, 0.1


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """The preset that was chosen, and on what grounds.

    Attributes:
        preset: Name of the chosen preset.
        accuracies: Name of each preset, and which share of the windows of other groups its features told; empty if
            there was nothing to cross-validate.
        windows: Number of windows that were measured.
        groups: Number of groups that they are of.
        folds: Number of folds.
    """

    preset: str
    accuracies: tuple[tuple[str, float], ...] = ()
    windows: int = 0
    groups: int = 0
    folds: int = 0

    @property
    def reason(self) -> str:
        """One sentence that says what was compared and what came out."""
        if not self.accuracies:
            return f"preset {self.preset}: all clips are of one group, so encoders cannot be compared"
        table = ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in self.accuracies)
        return (
            f"preset {self.preset}: share of {self.windows} windows that a linear model names by the features of each,"
            f" tested on other groups ({self.groups} groups, {self.folds} folds): {table}"
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        return {**asdict(self), "accuracies": dict(self.accuracies), "reason": self.reason}


def choose_preset(
    presets: Sequence[Preset], data: TrainingData, settings: TrainSettings, features: Path, *, console: Console
) -> EncoderChoice:
    """Choose the preset whose features tell other groups' windows apart: the first, unless another is clearly better.

    Args:
        presets: Presets to choose from, of one picture size.
        data: The data set, decoded and divided.
        settings: Settings of the run; encoder, weights and size are those of the presets.
        features: Folder for the features of frozen encoders.
        console: Console that progress is shown on.
    """
    known = sorted({*data.splits.train, *data.splits.validation})
    recordings = [data.cache.recordings[index] for index in known]
    names = sorted({recording.group for recording in recordings})
    if len(names) < 2:
        return EncoderChoice(presets[0].name)
    folds = min(_MOST_FOLDS, len(names))
    counts = labelled_frames(data.dataset, data.cache)[known]
    fold_of = assign_folds(recordings, counts, names, folds=folds, seed=settings.seed)
    right: list[NDArray[np.float64]] = []
    for preset in presets:
        chosen = replace(settings, **preset.to_settings())
        store = FeatureStore(first_encoder(chosen), data.cache, features, chosen)
        store.fill([FeatureRequest(recording, 0) for recording in known], console=console)
        rows, labels, groups = known_windows(data, chosen, store)
        tested = np.array([fold_of[group] for group in groups])
        scores = _held_out_scores(rows, labels, tested, classes=data.classes)
        right.append((scores.argmax(axis=1) == labels).astype(np.float64))
    accuracies = tuple((preset.name, float(own.mean())) for preset, own in zip(presets, right, strict=True))
    best = int(np.argmax([accuracy for _, accuracy in accuracies]))
    taken = best if _is_clearly_better(right[best] - right[0], groups) else 0
    return EncoderChoice(presets[taken].name, accuracies, len(labels), len(names), folds)


def _is_clearly_better(gains: NDArray[np.float64], groups: Sequence[str]) -> bool:
    """Whether gains [R] of single windows, of groups named, are more than chance and worth another encoder."""
    gain, interval = float(gains.mean()), difference_interval(gains, groups)
    if interval is None:
        return gain >= _SURE_GAIN
    return gain >= float(np.clip(gain - interval.low, _LEAST_GAIN, _SURE_GAIN))


def known_windows(
    data: TrainingData, settings: TrainSettings, store: FeatureStore, *, splits: Sequence[str] = ("train", "validation")
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
    """Labelled windows of some splits, evenly chosen, at most about `_MOST_WINDOWS`.

    Returns:
        Rows float32 [R, D] as `pool_windows` makes them, labels int64 [R], and the group of each.
    """
    segments = [segment for split in splits for segment in data.segments(split)]
    total = sum(len(prediction_ends(segment, settings)) for segment in segments)
    hop = max(settings.window // 4, -(-total // _MOST_WINDOWS))
    rows, labels, groups = [], [], []
    for segment in segments:
        ends = prediction_ends(segment, settings, hop=hop)
        wanted = labels_at(data.cache, segment, ends, settings)
        if not (wanted >= 0).any():
            continue
        rows.append(pooled_rows(store, segment, ends[wanted >= 0], settings))
        labels.append(wanted[wanted >= 0].astype(np.int64))
        groups += [data.cache.recordings[segment.recording].group] * len(labels[-1])
    return np.concatenate(rows), np.concatenate(labels), groups


def pooled_rows(
    store: FeatureStore, segment: FrameSegment, ends: NDArray[np.int64], settings: TrainSettings
) -> NDArray[np.float32]:
    """Describe the windows of a segment that end at some frames, as `pool_windows` does; joints as bodies."""
    features = store.of_segment(segment)
    return pool_windows(describe_bodies(features) if store.keypoints else features, ends, window=settings.window)


def _held_out_scores(
    rows: NDArray[np.float32], labels: NDArray[np.int64], fold: NDArray[np.int64], *, classes: int
) -> NDArray[np.float32]:
    """Scores [R, classes] of each row by a linear model that was fitted to the rows of other folds."""
    scores = np.empty((len(rows), classes), np.float32)
    for tested in np.unique(fold):
        held_out = fold == tested
        scores[held_out] = LinearModel.fit(rows[~held_out], labels[~held_out], classes=classes).scores(rows[held_out])
    return scores
