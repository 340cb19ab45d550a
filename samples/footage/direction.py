"""Who does what, and when: a run of motions joined into one performance with a timeline."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from footage.motions import BACKGROUND, Motion, Place
from footage.poses import INDEX, Pose, blend, ease
from footage.repertoire import PERFORMERS
from footage.standing import get_up, seated_legs


@dataclass(frozen=True, slots=True)
class Segment:
    """Seconds from `start` to `end` carry `label`."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Performance:
    """What one person does, from second 0 to `seconds`."""

    motions: tuple[Motion, ...]
    starts: tuple[float, ...]
    joins: tuple[float, ...]
    seat: Pose | None

    @property
    def seconds(self) -> float:
        """Length of the whole performance."""
        return self.starts[-1] + self.motions[-1].seconds

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The timeline; neighbours with the same label are one segment."""
        ends = (*self.starts[1:], self.seconds)
        merged: list[Segment] = []
        for motion, start, end in zip(self.motions, self.starts, ends, strict=True):
            if merged and merged[-1].label == motion.label:
                merged[-1] = Segment(merged[-1].start, end, motion.label)
            else:
                merged.append(Segment(start, end, motion.label))
        return tuple(merged)

    def pose_at(self, seconds: float) -> Pose:
        """The pose at a time; one motion flows into the next around their common border."""
        number = max(bisect_right(self.starts, seconds) - 1, 0)
        pose = self._posed(number, seconds)
        half = self.joins[number] / 2
        since = seconds - self.starts[number]
        if number > 0 and since < half:
            pose = blend(self._posed(number - 1, seconds), pose, ease(0.5 + since / (2 * half)))
        if number + 1 < len(self.motions):
            half = self.joins[number + 1] / 2
            left = self.starts[number + 1] - seconds
            if left < half:
                pose = blend(pose, self._posed(number + 1, seconds), ease(0.5 - left / (2 * half)))
        return pose if self.seat is None else np.asarray(pose + self.seat)

    def _posed(self, number: int, seconds: float) -> Pose:
        """Return a motion's pose at a time; outside of the motion its first or last pose is held."""
        motion = self.motions[number]
        since = seconds - self.starts[number]
        if motion.label in ("bend", "fall") or number + 1 < len(self.motions):
            since = min(max(since, 0.0), motion.seconds + (0.0 if motion.label in ("bend", "fall") else 1.0))
        return motion.pose_at(max(since, 0.0))


def direct(
    rng: np.random.Generator, labels: list[str], *, half_width: float, seated: bool = False, facing: float | None = None
) -> Performance:
    """Let one person do `labels` one after the other; after a fall the person gets up (idle).

    Args:
        rng: Source of chance.
        labels: What to do, in order.
        half_width: How far one may go sideways, metres.
        seated: Whether the whole performance happens on a chair.
        facing: Yaw in degrees (0 faces the camera); a random one where not given.
    """
    place = Place(
        x=float(rng.uniform(-0.3, 0.3) * half_width), yaw=_facing(rng, labels[0], facing), half_width=half_width
    )
    motions: list[Motion] = []
    starts: list[float] = []
    joins: list[float] = []
    clock = 0.0
    for number, label in enumerate(labels):
        motion = PERFORMERS[label](rng, place)
        motions.append(motion)
        starts.append(clock)
        joins.append(float(rng.uniform(0.35, 0.65)))
        clock += motion.seconds
        if label == "fall" and number + 1 < len(labels):
            rise = get_up(rng, place, motion.pose_at(motion.seconds))
            motions.append(rise)
            starts.append(clock)
            joins.append(0.1)
            clock += rise.seconds
        if number + 1 < len(labels):
            last = motions[-1].pose_at(motions[-1].seconds)
            place = Place(
                x=float(last[INDEX["x"]]),
                z=float(last[INDEX["z"]]),
                yaw=_facing(rng, labels[number + 1], facing),
                half_width=half_width,
            )
    return Performance(tuple(motions), tuple(starts), tuple(joins), seated_legs(rng) if seated else None)


def _facing(rng: np.random.Generator, label: str, wanted: float | None) -> float:
    if wanted is not None:
        return float(wanted + rng.normal(0, 8))
    if label in ("clap", "punch"):
        return float(rng.uniform(-75, 75))
    if label in ("wave", "wave-both-hands"):
        return float(rng.uniform(-65, 65) + (180 if rng.random() < 0.1 else 0))
    return float(rng.uniform(-180, 180) if rng.random() < 0.5 else rng.uniform(-70, 70))


def cast(rng: np.random.Generator, choices: tuple[str, ...], count: int) -> list[str]:
    """Draw `count` labels, no two equal neighbours; idle between two others about a third of the time."""
    others = [label for label in choices if label != BACKGROUND]
    labels: list[str] = []
    while len(labels) < count:
        if labels and labels[-1] != BACKGROUND and rng.random() < 0.4:
            labels.append(BACKGROUND)
            continue
        label = str(rng.choice(others))
        if not labels or labels[-1] != label:
            labels.append(label)
    return labels
