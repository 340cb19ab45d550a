"""The ten things people do here, each as joint angles over time.

A motion is made for one performance: `rng` fixes its speed, amplitude, phase and habits, and what comes back is a pure
function of time. All angles are degrees until `make_pose` turns them into radians.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from footage.poses import Pose, blend, ease, make_pose

LABELS = ("idle", "walk", "run", "wave", "wave-both-hands", "clap", "punch", "jumping-jack", "bend", "fall")
BACKGROUND = "idle"
#: What a picture cut off at the waist still shows.
UPPER_BODY = ("idle", "wave", "wave-both-hands", "clap", "punch")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a motion begins: metres on the floor, degrees of yaw, and how far one may stray sideways."""

    x: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    half_width: float = 1.5


@dataclass(frozen=True, slots=True)
class Motion:
    """One performance: its label, how long it lasts, and the pose at each moment of it."""

    label: str
    seconds: float
    pose_at: Callable[[float], Pose]


def _wobble(rng: np.random.Generator) -> Callable[[float], float]:
    """A slow irregular swing in -1..1."""
    rates, phases = rng.uniform(0.25, 1.3, 3), rng.uniform(0, 6.3, 3)
    return lambda t: float(np.sin(rates * 6.283 * t + phases) @ np.array([0.5, 0.3, 0.2]))


def _stance(rng: np.random.Generator, place: Place, **values: float) -> Callable[[float], Pose]:
    """A standing body that sways a little; `values` are added to it."""
    sway, lean, look = _wobble(rng), _wobble(rng), _wobble(rng)
    size = rng.uniform(0.3, 1.0)
    spread = rng.uniform(2, 11)
    loose = rng.uniform(4, 16)

    def pose_at(t: float) -> Pose:
        pose = make_pose(
            x=place.x,
            z=place.z,
            yaw=place.yaw + 2 * sway(t),
            roll=1.2 * size * sway(t),
            spine_pitch=3 + 3 * size * lean(t),
            spine_roll=1.5 * size * lean(t),
            neck_yaw=14 * size * look(t),
            neck_pitch=5 + 4 * size * lean(t),
            hip_abduct=spread,
            shoulder_abduct=loose,
            elbow=loose + 4 * size * sway(t),
        )
        return np.asarray(pose + make_pose(**values))

    return pose_at


def idle(rng: np.random.Generator, place: Place) -> Motion:
    """Stand: arms hanging, folded, on the hips, at the phone; now and then a small unrelated movement."""
    habits: tuple[dict[str, float], ...] = (
        {},
        {},
        {"shoulder_flex": 38, "elbow": 95, "shoulder_rotate": -62, "shoulder_abduct": -4},  # folded arms
        {"shoulder_abduct": 38, "elbow": 85, "shoulder_rotate": -75, "shoulder_flex": -18},  # hands on the hips
        {"right_shoulder_flex": 32, "right_elbow": 105, "right_shoulder_rotate": -25, "neck_pitch": 22},  # phone
        {"right_shoulder_flex": 25, "right_elbow": 130, "right_shoulder_abduct": 5},  # phone at the ear
        {"shoulder_flex": 18, "elbow": 62, "shoulder_rotate": -45},  # hands together
    )
    stand = _stance(rng, place, **habits[rng.integers(len(habits))])
    fidget = _fidget(rng)
    begins, lasts = rng.uniform(0.3, 3.0), rng.uniform(0.7, 1.8)
    fidgets = rng.random() < 0.45

    def pose_at(t: float) -> Pose:
        pose = stand(t)
        if fidgets and begins < t < begins + lasts:
            pose = pose + fidget * np.sin(np.pi * (t - begins) / lasts)
        return np.asarray(pose)

    return Motion("idle", float(rng.uniform(2.0, 4.5)), pose_at)


def _fidget(rng: np.random.Generator) -> Pose:
    side = str(rng.choice(["left", "right"]))
    choices: tuple[dict[str, float], ...] = (
        {f"{side}_shoulder_flex": 55, f"{side}_elbow": 115},  # scratch the head
        {f"{side}_shoulder_flex": 35, f"{side}_elbow": 90},  # look at the watch
        {f"{side}_hip_flex": 25, f"{side}_knee": 40},  # shift the weight
        {"spine_twist": 35, "neck_yaw": 35},  # look behind
        {"spine_pitch": 14, "neck_pitch": 20},  # look down
        {f"{side}_shoulder_abduct": 30, f"{side}_elbow": 25},
        {"yaw": 50.0 if rng.random() < 0.5 else -50.0},
    )
    return make_pose(**choices[rng.integers(len(choices))])


def seated_legs(rng: np.random.Generator) -> Pose:
    """The angles that turn a standing pose into a sitting one."""
    lean = rng.uniform(-6, 8)
    return make_pose(hip_flex=86 + lean / 2, knee=rng.uniform(76, 96), pitch=lean, hip_abduct=rng.uniform(0, 8))


def walk(rng: np.random.Generator, place: Place) -> Motion:
    """Walk to and fro."""
    return _stride(rng, place, "walk", rate=(0.75, 1.15), speed=(0.7, 1.6), reach=(22, 36), lift=(48, 64))


def run(rng: np.random.Generator, place: Place) -> Motion:
    """Run to and fro, or on the spot."""
    return _stride(rng, place, "run", rate=(1.3, 1.75), speed=(1.8, 3.6), reach=(36, 54), lift=(78, 112))


def _stride(
    rng: np.random.Generator,
    place: Place,
    label: str,
    *,
    rate: tuple[float, float],
    speed: tuple[float, float],
    reach: tuple[float, float],
    lift: tuple[float, float],
) -> Motion:
    running = label == "run"
    hertz, metres = rng.uniform(*rate), rng.uniform(*speed)
    if rng.random() < (0.3 if running else 0.12):
        metres = 0.0  # on the spot, or on a treadmill
    thigh, knee, phase = rng.uniform(*reach), rng.uniform(*lift), rng.uniform(0, 6.283)
    arm = rng.uniform(28, 52) if running else rng.uniform(14, 36)
    elbow = rng.uniform(75, 110) if running else rng.uniform(8, 32)
    lean = rng.uniform(6, 18) if running else rng.uniform(0, 6)
    path = _path(rng, place, metres)
    look = _wobble(rng)

    def pose_at(t: float) -> Pose:
        turn = 6.283 * hertz * t + phase
        swing, other = float(np.sin(turn)), float(np.cos(turn))
        x, z, yaw = path(t)
        return make_pose(
            x=x,
            z=z,
            yaw=yaw,
            hop=(0.05 if running else 0.012) * abs(other),
            pitch=0.4 * lean,
            spine_pitch=lean,
            spine_twist=(9 if running else 6) * swing,
            neck_yaw=10 * look(t),
            left_hip_flex=thigh * swing + 0.5 * lean + (8 if running else 3),
            right_hip_flex=-thigh * swing + 0.5 * lean + (8 if running else 3),
            left_knee=6 + knee * max(0.0, other) ** 1.5 + (14 if running else 0),
            right_knee=6 + knee * max(0.0, -other) ** 1.5 + (14 if running else 0),
            hip_abduct=3,
            left_shoulder_flex=-arm * swing,
            right_shoulder_flex=arm * swing,
            shoulder_abduct=9,
            left_elbow=elbow - 0.3 * arm * swing,
            right_elbow=elbow + 0.3 * arm * swing,
        )

    return Motion(label, float(rng.uniform(2.4, 4.5)), pose_at)


def _path(
    rng: np.random.Generator, place: Place, metres_per_second: float
) -> Callable[[float], tuple[float, float, float]]:
    """A line walked to and fro between the sides of the picture, with turns on the spot."""
    if metres_per_second == 0.0:
        yaw = float(rng.uniform(-180, 180))
        return lambda t: (place.x, place.z, yaw)
    heading = np.deg2rad(float(rng.choice([90, -90])) + rng.uniform(-38, 38))
    limit = max(place.half_width * 0.7, 0.25)
    turn_seconds = 0.45

    def position(t: float) -> tuple[float, float, float]:
        x, way, seconds = place.x, 1.0 if np.sin(heading) > 0 else -1.0, t
        along = metres_per_second * abs(np.sin(heading))
        facing = np.rad2deg(heading)
        while True:
            reach = max((limit * way - x) * way, 0.0)
            if seconds * along <= reach:
                x += way * along * seconds
                return x, _depth(place, heading, x), facing
            seconds -= reach / along
            x += way * reach
            if seconds < turn_seconds:
                return x, _depth(place, heading, x), facing + 180 * ease(seconds / turn_seconds)
            seconds, way, facing = seconds - turn_seconds, -way, facing + 180

    return position


def _depth(place: Place, heading: float, x: float) -> float:
    slope = np.cos(heading) / np.sin(
        heading
    )  # never near zero: a heading is at most 38 degrees off the picture's plane
    return float(place.z * 0.5 + np.clip(slope * (x - place.x), -0.8, 0.6))


def wave(rng: np.random.Generator, place: Place) -> Motion:
    """Wave with one hand."""
    side = str(rng.choice(["left", "right"]))
    return _waving(rng, place, "wave", (side,))


def wave_both_hands(rng: np.random.Generator, place: Place) -> Motion:
    """Wave with both hands."""
    return _waving(rng, place, "wave-both-hands", ("left", "right"))


def _waving(rng: np.random.Generator, place: Place, label: str, sides: tuple[str, ...]) -> Motion:
    stand = _stance(rng, place)
    hertz, phase = rng.uniform(1.1, 2.8), rng.uniform(0, 6.283)
    raised = rng.uniform(80, 150)  # the upper arm, sideways from hanging
    forward = rng.uniform(0, 40)
    folded = rng.uniform(25, 85) * (1 if raised < 120 else 0.6)
    swing = rng.uniform(16, 38)
    whole_arm = rng.random() < 0.35  # swings from the shoulder, else from the elbow
    apart = float(rng.choice([0.0, np.pi])) if len(sides) == 2 else 0.0

    def pose_at(t: float) -> Pose:
        pose = stand(t)
        for number, side in enumerate(sides):
            beat = float(np.sin(6.283 * hertz * t + phase + number * apart))
            pose = pose + make_pose(
                **{
                    f"{side}_shoulder_abduct": raised - 8 + (0.75 * swing * beat if whole_arm else 4 * beat),
                    f"{side}_shoulder_rotate": 90 - forward,
                    f"{side}_elbow": folded * 0.6 if whole_arm else folded + swing * beat,
                }
            )
        return np.asarray(pose)

    return Motion(label, float(rng.uniform(2.0, 4.0)), pose_at)


def clap(rng: np.random.Generator, place: Place) -> Motion:
    """Clap in front of the chest."""
    stand = _stance(rng, place)
    hertz, phase = rng.uniform(1.4, 3.4), rng.uniform(0, 6.283)
    lift, fold = rng.uniform(28, 62), rng.uniform(62, 92)
    opening = rng.uniform(28, 55)
    closed = rng.uniform(-34, -28)

    def pose_at(t: float) -> Pose:
        beat = 0.5 + 0.5 * float(np.sin(6.283 * hertz * t + phase))
        return np.asarray(
            stand(t)
            + make_pose(
                shoulder_flex=lift + 3 * beat,
                elbow=fold - 6 * beat,
                shoulder_rotate=closed + opening * beat,
                shoulder_abduct=-4 + 8 * beat,
            )
        )

    return Motion("clap", float(rng.uniform(2.0, 4.0)), pose_at)


def punch(rng: np.random.Generator, place: Place) -> Motion:
    """Box: from the guard, straight punches, alternating or with one hand."""
    stand = _stance(rng, place)
    hertz, phase = rng.uniform(1.0, 1.9), rng.uniform(0, 1)
    only = int(rng.integers(0, 4))  # 0 left only, 1 right only, else alternating
    reach, guard = rng.uniform(74, 94), rng.uniform(105, 135)
    twist, crouch, step = rng.uniform(8, 26), rng.uniform(4, 24), rng.uniform(5, 20)

    def pose_at(t: float) -> Pose:
        beat = hertz * t + phase
        blow = float(np.sin(np.pi * min((beat % 1.0) / 0.62, 1.0))) ** 1.4
        side = only if only < 2 else int(beat) % 2
        out = (blow, 0.0) if side == 0 else (0.0, blow)
        values = {
            "hip_flex": crouch,
            "knee": crouch * 1.7,
            "left_hip_flex": step,
            "right_hip_flex": -step,
            "spine_twist": -twist * out[0] + twist * out[1],
            "spine_pitch": 5 + 4 * blow,
        }
        for name, share in zip(("left", "right"), out, strict=True):
            values[f"{name}_shoulder_flex"] = 34 + (reach - 34) * share
            values[f"{name}_elbow"] = guard + (4 - guard) * share - 10
            values[f"{name}_shoulder_rotate"] = -16 + 12 * share
        return np.asarray(stand(t) + make_pose(**values))

    return Motion("punch", float(rng.uniform(2.0, 4.0)), pose_at)


def jumping_jack(rng: np.random.Generator, place: Place) -> Motion:
    """Jump with legs and arms going out together."""
    stand = _stance(rng, place)
    hertz, phase = rng.uniform(0.75, 1.3), rng.uniform(0, 6.283)
    arms, legs, hop = rng.uniform(125, 172), rng.uniform(15, 30), rng.uniform(0.04, 0.14)
    bent = rng.uniform(0, 30)

    def pose_at(t: float) -> Pose:
        turn = 6.283 * hertz * t + phase
        out = 0.5 - 0.5 * float(np.cos(turn))
        return np.asarray(
            stand(t)
            + make_pose(
                hop=hop * abs(float(np.sin(turn))),
                shoulder_abduct=arms * out - 6,
                elbow=bent * (1 - out),
                shoulder_rotate=-60,
                hip_abduct=legs * out - 3,
                knee=14 * (1 - abs(float(np.sin(turn)))),
                hip_flex=7 * (1 - abs(float(np.sin(turn)))),
            )
        )

    return Motion("jumping-jack", float(rng.uniform(2.6, 4.5)), pose_at)


def bend(rng: np.random.Generator, place: Place) -> Motion:
    """Bend down to pick something up, and come back."""
    down, hold, up = rng.uniform(0.6, 1.2), rng.uniform(0.25, 1.0), rng.uniform(0.6, 1.2)
    squat = rng.uniform(0, 1)
    hinge, side = rng.uniform(60, 88) * (1 - 0.35 * squat), rng.uniform(-10, 10)
    one_hand = int(rng.integers(0, 3))  # 0 left, 1 right, 2 both
    stand = _stance(rng, place)
    reach = rng.uniform(0.9, 1.2)

    def pose_at(t: float) -> Pose:
        if t < down:
            share = ease(t / down)
        elif t < down + hold:
            share = 1.0
        else:
            share = 1.0 - ease((t - down - hold) / up)
        values = {
            "pitch": hinge * share,
            "spine_pitch": (34 - 8 * squat) * share,
            "spine_twist": side * share,
            "hip_flex": (hinge + 62 * squat) * share,
            "knee": (8 + 105 * squat) * share,
            "neck_pitch": -12 * share,
            "shoulder_flex": 34 * share,
        }
        for number, name in enumerate(("left", "right")):
            if one_hand in (number, 2):
                values[f"{name}_shoulder_flex"] = (hinge * reach - 34 * squat) * share * 0.45
        return np.asarray(stand(t) + make_pose(**values))

    return Motion("bend", float(down + hold + up), pose_at)


def fall(rng: np.random.Generator, place: Place) -> Motion:
    """Lose balance, go down, stay down."""
    sink, lie = rng.uniform(0.55, 1.15), rng.uniform(1.0, 2.6)
    way = rng.uniform(0, 2 * np.pi)
    stand = _stance(rng, place)
    buckle, curl = rng.uniform(10, 80), rng.uniform(0, 40)
    arms = rng.uniform(20, 95)
    lying = make_pose(
        pitch=np.cos(way) * rng.uniform(80, 92),
        roll=np.sin(way) * rng.uniform(80, 92),
        x=float(np.sin(way) * 0.35),
        z=float(np.cos(way) * 0.35),
        spine_pitch=curl * 0.4,
        left_hip_flex=curl + rng.uniform(-10, 25),
        right_hip_flex=curl + rng.uniform(-10, 25),
        left_knee=rng.uniform(5, 70),
        right_knee=rng.uniform(5, 70),
        left_shoulder_abduct=rng.uniform(5, arms),
        right_shoulder_abduct=rng.uniform(5, arms),
        left_shoulder_flex=rng.uniform(-10, 80),
        right_shoulder_flex=rng.uniform(-10, 80),
        elbow=rng.uniform(0, 70),
        neck_yaw=rng.uniform(-40, 40),
    )
    flail = make_pose(shoulder_abduct=arms * 0.9, elbow=20, knee=buckle, hip_flex=buckle * 0.5, spine_pitch=10)
    stir = _wobble(rng)

    def pose_at(t: float) -> Pose:
        gone = min(t / sink, 1.0) ** 1.9  # gravity: slow, then fast
        middle = float(np.sin(np.pi * min(t / sink, 1.0)))
        upright = stand(min(t, sink))
        pose = upright + lying * gone + flail * middle * 0.8
        if t > sink:
            pose = pose + make_pose(neck_yaw=6 * stir(t), left_elbow=5 * stir(t + 3))
        return np.asarray(pose)

    return Motion("fall", float(sink + lie), pose_at)


def get_up(rng: np.random.Generator, place: Place, lying: Pose) -> Motion:
    """Come back to one's feet after a fall; nothing to report: `idle`."""
    seconds = float(rng.uniform(1.5, 2.4))
    stand = _stance(rng, place)
    kneel = stand(0.0) + make_pose(pitch=35, hip_flex=105, knee=115, spine_pitch=25, shoulder_flex=45)

    def pose_at(t: float) -> Pose:
        share = t / seconds
        if share < 0.5:
            return blend(lying, kneel, ease(share / 0.5))
        return blend(kneel, stand(t), ease((share - 0.5) / 0.5))

    return Motion("idle", seconds, pose_at)


PERFORMERS: dict[str, Callable[[np.random.Generator, Place], Motion]] = {
    "idle": idle,
    "walk": walk,
    "run": run,
    "wave": wave,
    "wave-both-hands": wave_both_hands,
    "clap": clap,
    "punch": punch,
    "jumping-jack": jumping_jack,
    "bend": bend,
    "fall": fall,
}
