"""Dividing recordings into train, validation and test so that no group is in two of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.data.footage import SPLITS, Recording

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


@dataclass(frozen=True, slots=True)
class Splits:
    """Indices of the recordings of each split, and what a person should know about the division."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def split_recordings(
    recordings: Sequence[Recording], frame_counts: NDArray[np.int64], labels: Sequence[str], *, seed: int
) -> Splits:
    """Divide by group, about 70 : 15 : 15 by frames of every label.

    What the data set says about splits holds. A split it never names is taken from those it leaves open, or, where
    these do not have every label (as where a layout knows train and test only, or just films of the background are
    open), from "train".

    Args:
        recordings: All recordings, with their groups and the splits the data set fixes.
        frame_counts: int [recordings, labels], labelled frames of each.
        labels: Names of the columns, for messages.
        seed: Fixes the division.

    Raises:
        DataError: A split would be empty, or a label would have nothing to train on.
    """
    groups = _groups(recordings)
    warnings = _broken_groups(recordings, groups)
    own = [recording.split for recording in recordings]
    if "train" not in own and None not in own:
        found = " or ".join(sorted({name for name in own if name}))
        raise DataError(f"the data set puts every clip into {found}: nothing is left to train on")
    open_splits = list(SPLITS)
    absent_splits = [name for name in SPLITS if name not in own]
    left_open = [index for index, name in enumerate(own) if name is None]
    covered = frame_counts[left_open].sum(axis=0) > 0
    if "train" in own and absent_splits and not covered[frame_counts.sum(axis=0) > 0].all():
        warnings.append(f"the data set has no clip for {' and '.join(absent_splits)}: taken from train")
        own = [None if name == "train" else name for name in own]
        open_splits = ["train", *(name for name in absent_splits if name != "train")]
    counts = np.stack([frame_counts[list(members)].sum(axis=0) for members in groups])
    fixed = [next((own[index] for index in members if own[index]), None) for members in groups]
    chosen = _distribute(counts, fixed, open_splits=open_splits, seed=seed)
    members_of: dict[str, list[int]] = {name: [] for name in SPLITS}
    for group, members in enumerate(groups):
        for index in members:
            # A split the data set fixes for a recording holds even where its group got another one.
            members_of[own[index] or chosen[group]].append(index)
    if not members_of["test"] and len(groups) == 2:
        members_of["test"], members_of["validation"] = members_of["validation"], []
    if not members_of["validation"] and members_of["test"] and len(members_of["train"]) > 1:
        warnings.append(_validate_within(members_of, recordings, frame_counts, seed=seed))
    for name in SPLITS:
        if not members_of[name]:
            raise DataError(
                f"nothing is left for the {name} split: {len(groups)} groups of clips are too few to divide;"
                " add clips of other people or places, or fix the division in the manifest's split column"
            )
        absent = [label for column, label in enumerate(labels) if not frame_counts[members_of[name], column].sum()]
        if absent and name == "train":
            raise DataError(f"no clip to train on for {', '.join(absent)}; add clips or change the split column")
        if absent:
            warnings.append(f"the {name} split has no clip of {', '.join(absent)}: too few groups have it")
    train, validation, test = (tuple(sorted(members_of[name])) for name in SPLITS)
    return Splits(train, validation, test, tuple(warnings))


def _validate_within(
    members_of: dict[str, list[int]], recordings: Sequence[Recording], frame_counts: NDArray[np.int64], *, seed: int
) -> str:
    """Take validation clips from those trained on, although they are of one group; returns what to know about that."""
    members = members_of["train"]
    chosen = _distribute(frame_counts[members], [None] * len(members), open_splits=("train", "validation"), seed=seed)
    for name in ("train", "validation"):
        members_of[name] = [index for index, split in zip(members, chosen, strict=True) if split == name]
    names = ", ".join(sorted({recordings[index].group for index in members}))
    return (
        f"clips of one group only are left to train on ({names}): validation clips are of it, too, so that it is unsure"
        " when to stop and what a score means"
    )


def _groups(recordings: Sequence[Recording]) -> list[tuple[int, ...]]:
    by_name: dict[str, list[int]] = {}
    for index, recording in enumerate(recordings):
        by_name.setdefault(recording.group, []).append(index)
    return [tuple(by_name[name]) for name in sorted(by_name)]


def _broken_groups(recordings: Sequence[Recording], groups: Sequence[tuple[int, ...]]) -> list[str]:
    warnings = []
    for members in groups:
        named = {split for index in members if (split := recordings[index].split)}
        if len(named) > 1:
            warnings.append(
                f"group {recordings[members[0]].group!r} is in {' and '.join(sorted(named))} by its split column"
            )
    return warnings


def _distribute(
    counts: NDArray[np.int64], fixed: Sequence[str | None], *, open_splits: Sequence[str], seed: int
) -> list[str]:
    """Give every open group a split, those of the rarest label first: the split that it brings nearest to its shares.

    After the iterative stratification of Sechidis et al. (2011). A split without any clip of the label comes first.
    """
    chosen: list[str | None] = list(fixed)
    order = np.random.default_rng(seed).permutation(len(chosen))
    # Shares of each label's frames, so that a rare label counts as much as a common one.
    parts = counts / np.maximum(counts.sum(axis=0), 1)
    lacks = {name: np.full(counts.shape[1], SHARES[name]) for name in SPLITS}
    seen = {name: np.zeros(counts.shape[1], dtype=bool) for name in SPLITS}

    def put(group: int, name: str) -> None:
        chosen[group] = name
        lacks[name] -= parts[group]
        seen[name] |= counts[group] > 0

    for group, fixed_name in enumerate(fixed):
        if fixed_name is not None:
            put(group, fixed_name)
    for group, label in _rarest_first([int(group) for group in order if chosen[group] is None], counts > 0):
        gains = {name: float((abs(lacks[name]) - abs(lacks[name] - parts[group])).sum()) for name in open_splits}
        unseen = [name for name in open_splits if not seen[name][label]]
        put(group, max(unseen or open_splits, key=gains.__getitem__))
    return [name or "train" for name in chosen]


def _rarest_first(groups: Sequence[int], has: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Every group once, with the label it was taken for: the one that fewest of the remaining groups have.

    Args:
        groups: In the order in which they are taken for one and the same label.
        has: bool [all groups, labels].
    """
    queues = [deque(group for group in groups if has[group, label]) for label in range(has.shape[1])]
    remaining = has[list(groups)].sum(axis=0)
    left = dict.fromkeys(groups)
    while left:
        label = int(np.argmin(np.where(remaining > 0, remaining, np.iinfo(np.int64).max)))
        while queues[label] and queues[label][0] not in left:
            queues[label].popleft()
        group = queues[label][0] if queues[label] else next(iter(left))
        del left[group]
        remaining -= has[group]
        yield group, label
