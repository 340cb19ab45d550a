"""Comparing the fingerprints of all clips with each other, in seconds for ten thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framestream_export.data.check.examination import Copy, Kind
from framestream_export.data.check.fingerprints import Fingerprint
from framestream_export.data.check.probing import Probe
from framestream_export.data.footage import Recording

# Measured: clips encoded anew had 0.84 and more, the worst of them 64 x 64 pixels at another rate. Different takes had
# far less; two signs of one signer with nearly the same movement came nearest, at 0.47.
LEAST_LIKENESS = 0.75
_LEAST_SCENE_LIKENESS = 0.85
# Cosine of what moves below which moving one against the other in time would not bring them together either.
_LEAST_MOTION_LIKENESS = 0.65
_LONGEST_RATIO = 1.2
_SHIFTS_SECONDS = np.linspace(-0.4, 0.4, 17)
_TIMES_ALIGNED = 16
_LEAST_SHARED = 0.8
# A projection at random keeps angles but for about 1/sqrt(its width), and is a fraction of the work.
_PROJECTED = 256
_PROJECTION_ERROR = 0.1
_ROWS_AT_ONCE = 1024


def copies_among(probes: Sequence[Probe]) -> tuple[Copy, ...]:
    """All pairs of recordings that are copies, those in different splits first.

    Of files with the same bytes each is named with the first of them only; the others are not compared any further.
    """
    first_with: dict[str, int] = {}
    copies = []
    for number, one in enumerate(probes):
        if not one.sha256:
            continue
        first = first_with.setdefault(one.sha256, number)
        if first != number:
            copies.append(_copy(probes[first].recording, one.recording, kind="identical", likeness=1.0))
    unlike = set(first_with.values())
    fingerprints = [one.fingerprint if number in unlike else None for number, one in enumerate(probes)]
    for found in find_copies(fingerprints):
        pair = probes[found.first].recording, probes[found.second].recording
        copies.append(_copy(*pair, kind="mirrored" if found.mirrored else "near", likeness=found.likeness))
    return tuple(sorted(copies, key=lambda copy: ("splits", "groups", "").index(copy.apart)))


def _copy(first: Recording, second: Recording, *, kind: Kind, likeness: float) -> Copy:
    labels = [{segment.label for segment in recording.segments} for recording in (first, second)]
    return Copy(first.name, second.name, kind, likeness, _apart(first, second), labels_differ=labels[0] != labels[1])


def _apart(first: Recording, second: Recording) -> Literal["splits", "groups", ""]:
    if first.split is not None and second.split is not None:
        return "splits" if first.split != second.split else ""
    return "groups" if first.group != second.group else ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two clips that show the same, by their numbers.

    Attributes:
        first: Number of the earlier clip.
        second: Number of the later clip.
        likeness: Cosine of the angle between what moves in them, or between its changes if that is less, up to 1.
        mirrored: Whether one clip is the other's mirror image.
    """

    first: int
    second: int
    likeness: float
    mirrored: bool


def find_copies(fingerprints: Sequence[Fingerprint | None]) -> list[Likeness]:
    """All pairs of clips that show the same, in the order of their numbers."""
    numbers = [number for number, one in enumerate(fingerprints) if one is not None]
    known = [one for one in fingerprints if one is not None]
    best: dict[tuple[int, int], Likeness] = {}
    for mirrored in (False, True):
        for first, second in _candidates(known, mirrored=mirrored):
            likeness = _likeness(known[first], known[second], mirrored=mirrored)
            pair = (numbers[first], numbers[second])
            if likeness >= LEAST_LIKENESS and (pair not in best or best[pair].likeness < likeness):
                best[pair] = Likeness(*pair, likeness, mirrored)
    return [best[pair] for pair in sorted(best)]


def _candidates(known: Sequence[Fingerprint], *, mirrored: bool) -> Iterator[tuple[int, int]]:
    """Pairs that may be copies: every pair is compared, as products of matrices."""
    if not known:
        return
    size = known[0].motion.size
    projection = np.random.default_rng(0).standard_normal((size, _PROJECTED)).astype(np.float32)
    rows = _projected([one.motion for one in known], projection)
    others = _projected([one.motion[..., ::-1] for one in known], projection) if mirrored else rows
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        products = rows[start : start + _ROWS_AT_ONCE] @ others[start:].T
        for row, column in np.argwhere(products >= _LEAST_MOTION_LIKENESS - _PROJECTION_ERROR):
            if column > row:
                yield start + int(row), start + int(column)


def _projected(motions: Sequence[NDArray[np.float32]], projection: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.empty((len(motions), _PROJECTED), np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        rows[some] = np.stack([motion.ravel() for motion in motions[some]]) @ projection
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _likeness(first: Fingerprint, second: Fingerprint, *, mirrored: bool) -> float:
    """How much alike two clips are; 0 where their scenes or lengths differ."""
    durations = sorted((first.duration_seconds, second.duration_seconds))
    if durations[1] > _LONGEST_RATIO * durations[0]:
        return 0.0
    scene = second.scene[..., ::-1] if mirrored else second.scene
    if first.scene.any() and scene.any() and float((first.scene * scene).sum()) < _LEAST_SCENE_LIKENESS:
        return 0.0
    motion = second.motion[..., ::-1] if mirrored else second.motion
    return (
        _aligned(first, second, mirrored=mirrored) if _cosine(first.motion, motion) >= _LEAST_MOTION_LIKENESS else 0.0
    )


def _aligned(first: Fingerprint, second: Fingerprint, *, mirrored: bool) -> float:
    """How much alike two clips are at the same times, one moved against the other a little: ends are lost in encoding.

    Both what moves and how it changes from frame to frame must be alike; a raised arm alone makes the first.
    """
    best = 0.0
    for shift in _SHIFTS_SECONDS:
        start, end = max(0.0, shift), min(first.duration_seconds, second.duration_seconds + shift)
        if end - start < _LEAST_SHARED * min(first.duration_seconds, second.duration_seconds):
            continue
        times = np.linspace(start, end, _TIMES_ALIGNED)
        one, other = first.at(times), second.at(times - shift)[..., :: -1 if mirrored else 1]
        moves = _cosine(one - one.mean(axis=0), other - other.mean(axis=0))
        changes = _cosine(np.diff(one, axis=0), np.diff(other, axis=0))
        best = max(best, min(moves, changes))
    return best


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return min(1.0, float((one * other).sum()) / length) if length else 0.0
