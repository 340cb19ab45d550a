"""What people do with their hands and heads while they stand or sit, and which is nothing to report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from footage.motions import wobble
from footage.poses import Pose, ease, make_pose

#: Angles added to a standing or a seated body at a time.
Activity = Callable[[float], Pose]

#: Arms held in some way, all the time.
_HELD: tuple[dict[str, float], ...] = (
    {},
    {"shoulder_flex": 38, "elbow": 95, "shoulder_rotate": -62, "shoulder_abduct": -4},  # folded arms
    {"shoulder_flex": 18, "elbow": 62, "shoulder_rotate": -45},  # hands together
    {"right_shoulder_flex": 32, "right_elbow": 105, "right_shoulder_rotate": -25, "neck_pitch": 22},  # phone
    {"right_shoulder_flex": 25, "right_elbow": 130, "right_shoulder_abduct": 5},  # phone at the ear
    {"shoulder_flex": 32, "elbow": 92, "shoulder_rotate": -22, "neck_pitch": 24, "spine_pitch": 5},  # a book
)
_STANDING: tuple[dict[str, float], ...] = (
    {},
    {"shoulder_abduct": 38, "elbow": 85, "shoulder_rotate": -75, "shoulder_flex": -18},  # hands on the hips
)
_SEATED: tuple[dict[str, float], ...] = (
    {"shoulder_flex": 24, "elbow": 48, "shoulder_rotate": -12},  # hands on the thighs
    {"shoulder_flex": 34, "elbow": 68, "shoulder_rotate": -28, "spine_pitch": 8},  # forearms on a table
    {"pitch": -10, "hip_flex": -10, "shoulder_flex": 12, "elbow": 50, "shoulder_rotate": -40},  # leans back
)
_TO_MOUTH = {"shoulder_flex": 46.0, "elbow": 128.0, "shoulder_rotate": -26.0}
_TO_HEAD = {"shoulder_abduct": 86.0, "shoulder_rotate": 62.0, "elbow": 122.0}


def draw_activity(rng: np.random.Generator, *, seated: bool) -> Activity:
    """Draw what somebody does who does nothing that is to be reported."""
    if rng.random() < 0.5:
        choices = _HELD + (_SEATED if seated else _STANDING)
        return _fidgeting(rng, make_pose(**choices[rng.integers(len(choices))]))
    makers: tuple[Callable[[np.random.Generator], Activity], ...]
    makers = (drink, scratch, stretch, type_or_write, change_jacket)
    makers += (tie_shoes, type_or_write, drink) if seated else (look_round,)
    return makers[rng.integers(len(makers))](rng)


def drink(rng: np.random.Generator) -> Activity:
    """Lift a hand to the mouth now and then: drinking or eating."""
    side, seconds, held = str(rng.choice(["left", "right"])), rng.uniform(1.6, 4.0), rng.uniform(0.3, 0.6)
    rest = make_pose(shoulder_flex=22, elbow=55, shoulder_rotate=-20)
    lifted = make_pose(**{f"{side}_{name}": value - (0.0 if name == "shoulder_rotate" else 20.0)
                          for name, value in _TO_MOUTH.items()})  # fmt: skip
    phase = rng.uniform(0, 1)

    def pose_at(t: float) -> Pose:
        beat = (t / seconds + phase) % 1.0
        return np.asarray(rest + lifted * _plateau(beat / held))

    return pose_at


def scratch(rng: np.random.Generator) -> Activity:
    """Scratch the head, or smooth the hair, for a while."""
    side, begins, lasts = str(rng.choice(["left", "right"])), rng.uniform(0.1, 1.0), rng.uniform(1.2, 3.0)
    hertz = rng.uniform(1.5, 3.5)
    lifted = make_pose(**{f"{side}_{name}": value for name, value in _TO_HEAD.items()})

    def pose_at(t: float) -> Pose:
        rub = make_pose(**{f"{side}_elbow": 6 * float(np.sin(6.283 * hertz * t))})
        return np.asarray((lifted + rub) * _plateau((t - begins) / lasts))

    return pose_at


def stretch(rng: np.random.Generator) -> Activity:
    """Stretch both arms, upwards or behind the head, and hold them still."""
    begins, lasts = rng.uniform(0.1, 0.8), rng.uniform(1.6, 3.0)
    if rng.random() < 0.5:
        lifted = make_pose(shoulder_abduct=rng.uniform(120, 165), elbow=rng.uniform(5, 50), spine_pitch=-8)
    else:
        lifted = make_pose(shoulder_abduct=88, shoulder_rotate=62, elbow=125, spine_pitch=-8)
    return lambda t: np.asarray(lifted * _plateau((t - begins) / lasts))


def type_or_write(rng: np.random.Generator) -> Activity:
    """Hands in front of the belly, busy with something small."""
    left, right, look = wobble(rng), wobble(rng), wobble(rng)
    lift, fold = rng.uniform(20, 40), rng.uniform(55, 85)
    size, down = rng.uniform(1, 8), rng.uniform(8, 30)

    def pose_at(t: float) -> Pose:
        return make_pose(
            shoulder_flex=lift,
            elbow=fold,
            shoulder_rotate=-25,
            left_elbow=size * left(2 * t),
            right_elbow=size * right(2 * t),
            right_shoulder_rotate=size * right(1.3 * t + 2),
            neck_pitch=down + 5 * look(t),
            spine_pitch=6,
        )

    return pose_at


def change_jacket(rng: np.random.Generator) -> Activity:
    """Put a jacket on or take it off: one arm after the other goes back and out."""
    seconds, first = rng.uniform(2.4, 4.0), str(rng.choice(["left", "right"]))
    second = "left" if first == "right" else "right"

    def pose_at(t: float) -> Pose:
        share = t / seconds
        one, two = _plateau(share / 0.55), _plateau((share - 0.4) / 0.6)
        values = {"spine_twist": 12 * (one - two) * (1 if first == "left" else -1), "neck_pitch": 10 * max(one, two)}
        for side, amount in ((first, one), (second, two)):
            values[f"{side}_shoulder_abduct"] = 48 * amount
            values[f"{side}_shoulder_flex"] = -28 * amount
            values[f"{side}_elbow"] = 60 * amount
        other = min(one, 0.8)
        values[f"{second}_elbow"] += 70 * other * (1 - two)
        values[f"{second}_shoulder_rotate"] = -45 * other * (1 - two)
        return make_pose(**values)

    return pose_at


def tie_shoes(rng: np.random.Generator) -> Activity:
    """Lean down from a seat to the shoes, and come back."""
    begins, lasts, busy = rng.uniform(0.1, 0.8), rng.uniform(2.4, 4.5), wobble(rng)
    deep = rng.uniform(0.8, 1.1)

    def pose_at(t: float) -> Pose:
        share = deep * _plateau((t - begins) / lasts)
        return make_pose(
            spine_pitch=42 * share,
            pitch=32 * share,
            hip_flex=32 * share,
            shoulder_flex=30 * share,
            elbow=(8 + 8 * busy(2 * t)) * share,
            shoulder_rotate=-15 * share,
        )

    return pose_at


def look_round(rng: np.random.Generator) -> Activity:
    """Turn round slowly and look."""
    begins, lasts = rng.uniform(0.1, 0.8), rng.uniform(1.5, 3.0)
    turn, head = rng.uniform(40, 110) * rng.choice([-1, 1]), rng.uniform(10, 40)
    return lambda t: make_pose(
        yaw=turn * _plateau((t - begins) / lasts), neck_yaw=head * _plateau((t - begins) / lasts)
    )


def _fidgeting(rng: np.random.Generator, held: Pose) -> Activity:
    """Hold the arms in some way and move a little now and then."""
    side = str(rng.choice(["left", "right"]))
    choices: tuple[dict[str, float], ...] = (
        {f"{side}_shoulder_flex": 35, f"{side}_elbow": 90},  # look at the watch
        {f"{side}_hip_flex": 20, f"{side}_knee": 30},  # shift the weight
        {"spine_twist": 35, "neck_yaw": 35},  # look behind
        {"spine_pitch": 14, "neck_pitch": 20},  # look down
        {f"{side}_shoulder_abduct": 30, f"{side}_elbow": 25},
    )
    fidget = make_pose(**choices[rng.integers(len(choices))])
    begins, lasts = rng.uniform(0.3, 3.0), rng.uniform(0.7, 1.8)
    amount = 1.0 if rng.random() < 0.5 else 0.0
    return lambda t: np.asarray(held + amount * fidget * _plateau((t - begins) / lasts))


def _plateau(share: float) -> float:
    """Rise from 0 to 1, stay there, and come back, while `share` goes from 0 to 1."""
    return ease(share / 0.3) * ease((1.0 - share) / 0.3)
