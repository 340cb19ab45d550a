"""Cross-validation: every group of recordings is tested on once, by a model that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.data.footage import Recording
from framestream_export.data.splits import Splits, split_recordings

LEAVE_ONE_OUT = -1
"""As many folds as there are groups."""


def fold_recordings(
    recordings: Sequence[Recording],
    frame_counts: NDArray[np.int64],
    labels: Sequence[str],
    *,
    folds: int,
    seed: int,
) -> list[Splits]:
    """Divide the recordings once for each fold: its groups are the test split, the others are trained on.

    What the data set says about splits does not count here. Validation clips are taken from the others, by group.

    Args:
        recordings: All recordings, with their groups.
        frame_counts: int [recordings, labels], labelled frames of each.
        labels: Names of the columns, for messages.
        folds: Number of folds, at least 2, or `LEAVE_ONE_OUT`.
        seed: Fixes the division.

    Raises:
        DataError: There are fewer groups than folds, or a fold leaves nothing to train on for a label.
    """
    names = sorted({recording.group for recording in recordings})
    folds = len(names) if folds == LEAVE_ONE_OUT else folds
    if not 2 <= folds <= len(names):
        raise DataError(
            f"{folds} folds of {len(names)} groups of clips: give --folds 2 to {len(names)}, or all"
            if len(names) > 1
            else "all clips are of one group: nothing to cross-validate; name groups in the manifest's group column"
        )
    fold_of = assign_folds(recordings, frame_counts, names, folds=folds, seed=seed)
    found = []
    for fold in range(folds):
        divided = [
            replace(recording, split="test" if fold_of[recording.group] == fold else "train")
            for recording in recordings
        ]
        try:
            splits = split_recordings(divided, frame_counts, labels, seed=seed + fold)
        except DataError as error:
            raise DataError(f"fold {fold + 1} of {folds}: {error}") from None
        # That validation clips are taken from the others is how it is meant.
        warnings = tuple(warning for warning in splits.warnings if "taken from train" not in warning)
        found.append(replace(splits, warnings=warnings))
    return found


def assign_folds(
    recordings: Sequence[Recording],
    frame_counts: NDArray[np.int64],
    names: Sequence[str],
    *,
    folds: int,
    seed: int,
) -> dict[str, int]:
    """Groups to folds, the largest first, each to the fold that has least of what the group has."""
    shares = frame_counts / np.maximum(frame_counts.sum(axis=0), 1)
    own = {name: np.zeros(shares.shape[1]) for name in names}
    for recording, share in zip(recordings, shares, strict=True):
        own[recording.group] += share
    order = np.random.default_rng(seed).permutation(len(names))
    ordered = sorted((names[index] for index in order), key=lambda name: -own[name].sum())
    filled, counts, fold_of = np.zeros((folds, shares.shape[1])), np.zeros(folds, np.int64), {}
    for left, name in zip(range(len(ordered), 0, -1), ordered, strict=True):
        empty = np.flatnonzero(counts == 0)
        # Every fold gets a group: the last ones go to those that have none.
        candidates = empty if left <= len(empty) else np.arange(folds)
        fold = int(min(candidates, key=lambda one: (float(filled[one] @ own[name]), int(counts[one]), int(one))))
        filled[fold] += own[name]
        counts[fold] += 1
        fold_of[name] = fold
    return fold_of
