"""Who does what, and when: a run of motions joined into one performance with a timeline."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import numpy as np

from footage.drops import fall
from footage.motions import BACKGROUND, STRIDES, Motion, Place, Rest
from footage.poses import INDEX, Pose, ease, mix
from footage.repertoire import PERFORMERS
from footage.resting import lie
from footage.seated import draw_seat, on_seat, seated_legs, sit
from footage.standing import get_up

STANDING, SEATED, LYING = "standing", "seated", "lying"
POSTURES = (STANDING, SEATED, LYING)


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
    _turns: tuple[float, ...] = field(init=False)  # added to the yaw of each motion: whole turns, radians

    def __post_init__(self) -> None:
        """Make each motion's yaw begin within half a turn of where the motion before ends.

        Bodies go on turning while one motion becomes the next. Chosen anew at each moment, the short way round would
        change from left to right in the middle of it.
        """
        turns = [0.0]
        for before, after in pairwise(self.motions):
            ends, begins = (motion.pose_at(at)[INDEX["yaw"]] for motion, at in ((before, before.seconds), (after, 0.0)))
            turns.append(float(2 * np.pi * np.round((ends + turns[-1] - begins) / (2 * np.pi))))
        object.__setattr__(self, "_turns", tuple(turns))

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

    @property
    def rests(self) -> tuple[Rest, ...]:
        """What is sat and lain on."""
        found: list[Rest] = []
        for motion in self.motions:
            if motion.rest is not None and all(motion.rest.kind != rest.kind for rest in found):
                found.append(motion.rest)
        return tuple(found)

    def pose_at(self, seconds: float) -> Pose:
        """The pose at a time; one motion flows into the next around their common border."""
        number = max(bisect_right(self.starts, seconds) - 1, 0)
        pose = self._posed(number, seconds)
        half = self.joins[number] / 2
        since = seconds - self.starts[number]
        if number > 0 and since < half:
            pose = mix(self._posed(number - 1, seconds), pose, ease(0.5 + since / (2 * half)))
        if number + 1 < len(self.motions):
            half = self.joins[number + 1] / 2
            left = self.starts[number + 1] - seconds
            if left < half:
                pose = mix(pose, self._posed(number + 1, seconds), ease(0.5 - left / (2 * half)))
        return pose

    def _posed(self, number: int, seconds: float) -> Pose:
        """Return a motion's pose at a time; outside of the motion its first or last pose is held."""
        motion = self.motions[number]
        since = seconds - self.starts[number]
        if motion.label in ("bend", "fall") or number + 1 < len(self.motions):
            since = min(max(since, 0.0), motion.seconds + (0.0 if motion.label in ("bend", "fall") else 1.0))
        pose = motion.pose_at(max(since, 0.0)).copy()
        pose[INDEX["yaw"]] += self._turns[number]
        return pose


def direct(
    rng: np.random.Generator,
    labels: list[str],
    *,
    half_width: float,
    near: float = 0.5,
    posture: str = STANDING,
    facing: float | None = None,
    can_rest: bool = False,
    can_leave: bool = False,
) -> Performance:
    """Let one person do `labels` one after the other; after a fall the person gets up (idle).

    Args:
        rng: Source of chance.
        labels: What to do, in order.
        half_width: How far one may go sideways, metres.
        near: How near to the camera one may come, metres towards it from the scene's origin.
        posture: One of `POSTURES`; who sits or lies does so all the time.
        facing: Yaw in degrees (0 faces the camera); a random one where not given.
        can_rest: Whether there may be something to sit or lie on.
        can_leave: Whether one may walk out of the picture at the end.
    """
    if posture != STANDING and facing is None:
        facing = float(rng.uniform(-100, 100) if posture == SEATED else rng.uniform(-180, 180))
    far = 0.95 if rng.random() < 0.1 else 0.35
    place = Place(
        x=float(rng.uniform(-far, far) * half_width),
        yaw=_facing(rng, labels[0], facing),
        half_width=half_width,
        near=near,
        can_rest=can_rest and bool(rng.random() < 0.6),
    )
    if labels[0] in STRIDES and posture == STANDING and rng.random() < 0.3:
        place = replace(place, x=float(rng.choice([-1.2, 1.2]) * half_width))
    legs, seat = seated_legs(rng), draw_seat(rng)
    motions: list[Motion] = []
    joins: list[float] = []
    for number, label in enumerate(labels):
        last = number + 1 == len(labels)
        if can_leave and last and label in STRIDES and rng.random() < 0.3:
            place = replace(place, leaving=True)
        if posture == LYING:
            motion = lie(rng, place)
        elif label == "fall" and posture == SEATED:
            motion, posture = fall(rng, place, on_seat(sit(rng, place), legs, seat).pose_at), STANDING
        elif label == "fall" and motions and motions[-1].label in STRIDES:
            motion = fall(rng, place, partial(_going_on, motions[-1]))
        elif posture == SEATED:
            motion = on_seat((sit if label == BACKGROUND else PERFORMERS[label])(rng, place), legs, seat)
        else:
            motion = PERFORMERS[label](rng, place)
        motions.append(motion)
        joins.append(float(rng.uniform(0.35, 0.65)))
        if label == "fall" and not last:
            motions.append(get_up(rng, _after(motion, place, place.yaw), motion.pose_at(motion.seconds)))
            joins.append(0.1)
        if not last:
            place = replace(
                _after(motions[-1], place, _facing(rng, labels[number + 1], facing)),
                can_rest=place.can_rest and all(done.rest is None for done in motions),
            )
    starts = np.cumsum([0.0, *(motion.seconds for motion in motions[:-1])])
    return Performance(tuple(motions), tuple(float(start) for start in starts), tuple(joins))


def _going_on(motion: Motion, seconds: float) -> Pose:
    """The pose some seconds after a motion's end, had it gone on."""
    return motion.pose_at(motion.seconds + seconds)


def _after(motion: Motion, place: Place, yaw: float) -> Place:
    """Where somebody is after a motion."""
    pose = motion.pose_at(motion.seconds)
    return replace(place, x=float(pose[INDEX["x"]]), z=float(pose[INDEX["z"]]), yaw=yaw)


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
