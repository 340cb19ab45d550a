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
from framestream_export.measures.confidence_intervals import difference_interval
from framestream_export.time_limit import NO_LIMIT, TimeLimit
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.linear_model import LinearModel
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.pooled_windows import labelled_windows, pool
from framestream_export.training.presets import Preset
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData, labelled_frames

_MOST_FOLDS = 5
# What another preset has to gain: at least this share of windows, and more than chance would give it. With few groups
# nobody knows what chance would give: then the larger share is enough.
_LEAST_GAIN, _SURE_GAIN = 0.02, 0.1


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """The preset that was chosen, and on what grounds.

    Attributes:
        preset: Name of the chosen preset.
        accuracies: Name of each preset, and which share of windows a linear model names rightly by its features; empty
            if there was nothing to cross-validate.
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
            return f"preset {self.preset}: only one group has labelled windows, so encoders cannot be compared"
        table = ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in self.accuracies)
        return (
            f"preset {self.preset}: of {self.windows} windows, a linear model fitted to other groups ({self.groups}"
            f" groups, {self.folds} folds) names these shares rightly by each preset's features: {table}"
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        return {**asdict(self), "accuracies": dict(self.accuracies), "reason": self.reason}


def choose_preset(
    presets: Sequence[Preset],
    data: TrainingData,
    settings: TrainSettings,
    features: Path,
    *,
    time_limit: TimeLimit = NO_LIMIT,
    console: Console,
) -> EncoderChoice:
    """Choose the preset whose features tell other groups' windows apart: the first, unless another is clearly better.

    Args:
        presets: Presets to choose from, of one picture size.
        data: The data set, decoded and divided.
        settings: Settings of the run; encoder, weights and size are those of the presets.
        features: Folder for the features of frozen encoders.
        time_limit: When to stop encoding.
        console: Console that progress is shown on.

    Raises:
        TimeLimitError: The time is up.
    """
    known = sorted({*data.splits.train, *data.splits.validation})
    windows = labelled_windows(data, settings, splits=("train", "validation"))
    groups = [data.cache.recordings[window.segment.recording].group for window in windows for _ in window.labels]
    names = sorted(set(groups))
    if len(names) < 2:
        return EncoderChoice(presets[0].name)
    recordings = [index for index in known if data.cache.recordings[index].group in names]
    fold_of = assign_folds(
        [data.cache.recordings[index] for index in recordings],
        labelled_frames(data.dataset, data.cache)[recordings],
        names,
        folds=min(_MOST_FOLDS, len(names)),
        seed=settings.seed,
    )
    folds, right = np.array([fold_of[group] for group in groups]), []
    for preset in presets:
        chosen = replace(settings, **preset.to_settings())
        store = FeatureStore(first_encoder(chosen), data.cache, features, chosen, time_limit=time_limit)
        store.fill([FeatureRequest(recording, 0) for recording in known], console=console)
        right.append(_right_when_held_out(*pool(windows, store, settings), folds, classes=data.classes))
    accuracies = tuple((preset.name, float(own.mean())) for preset, own in zip(presets, right, strict=True))
    best = int(np.argmax([accuracy for _, accuracy in accuracies]))
    taken = best if _is_clearly_better(right[best] - right[0], groups) else 0
    return EncoderChoice(presets[taken].name, accuracies, len(groups), len(names), len(np.unique(folds)))


def _is_clearly_better(gains: NDArray[np.float64], groups: Sequence[str]) -> bool:
    """Whether the gains [R] of windows, whose groups are named, are more than chance and worth another encoder."""
    gain, interval = float(gains.mean()), difference_interval(gains, groups)
    if interval is None:
        return gain >= _SURE_GAIN
    return gain >= float(np.clip(gain - interval.low, _LEAST_GAIN, _SURE_GAIN))


def _right_when_held_out(
    rows: NDArray[np.float32], labels: NDArray[np.int64], folds: NDArray[np.int64], *, classes: int
) -> NDArray[np.float64]:
    """1 for each row [R] that a linear model names which was fitted to the rows of other folds, 0 for the others."""
    right = np.empty(len(rows))
    for fold in np.unique(folds):
        held_out = folds == fold
        fitted = LinearModel.fit(rows[~held_out], labels[~held_out], classes=classes)
        right[held_out] = fitted.scores(rows[held_out]).argmax(axis=1) == labels[held_out]
    return right
