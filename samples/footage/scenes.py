"""A scene: people, a camera, a background and a light, rendered frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.cameras import FRAMINGS, Camera, draw_camera
from footage.direction import Performance, Segment, cast, direct
from footage.drawing import Canvas, draw_capsules, draw_shadow
from footage.furniture import chair
from footage.motions import BACKGROUND, LABELS, UPPER_BODY
from footage.people import Capsule, Colour, Person, draw_person
from footage.scenery import Mover, any_colour, draw_movers, paint_background
from footage.skeleton import Vector, place_joints

_MARGIN = 14
SIZES_WH = ((160, 120), (160, 120), (176, 132), (192, 108), (144, 144), (120, 160))


@dataclass(frozen=True, slots=True)
class Appearance:
    """What light, lens and compression do to a picture."""

    gain: float
    tint: tuple[float, float, float]
    flicker: float
    noise: float
    blur: float
    jpeg_quality: int | None
    light: tuple[float, float]
    shadow: float


@dataclass(frozen=True, slots=True)
class Extra:
    """A second person at the back."""

    person: Person
    performance: Performance
    behind: float
    aside: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that one shot needs; `frames` renders it. `chair` goes where the person goes, `furniture` stays."""

    camera: Camera
    background: Canvas
    movers: tuple[Mover, ...]
    person: Person | None
    performance: Performance
    extra: Extra | None
    appearance: Appearance
    noise: NDArray[np.int16]
    chair: Colour | None
    furniture: tuple[Capsule, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The ground-truth timeline of this shot."""
        return self.performance.segments

    def frames(self, rate: float) -> Iterator[Canvas]:
        """Render the whole shot at `rate` frames per second: uint8 BGR `[height, width, 3]` each."""
        for number in range(max(round(self.performance.seconds * rate), 1)):
            yield self.render(number / rate, number)

    def render(self, seconds: float, number: int) -> Canvas:
        """Render the picture at one time; `number` picks its noise."""
        width, height = self.camera.size_wh
        bounded = self._shake(seconds)
        matrix = np.array([[1, 0, bounded[0] - _MARGIN], [0, 1, bounded[1] - _MARGIN]], np.float64)
        canvas: Canvas = np.asarray(cv2.warpAffine(self.background, matrix, (width, height)), np.uint8)
        for mover in self.movers:
            mover(canvas, seconds, bounded)
        if self.extra is not None:
            self._draw(canvas, self.extra.person, self.extra.performance, seconds, bounded, self.extra)
        if self.person is not None:
            self._draw(canvas, self.person, self.performance, seconds, bounded, None)
        return self._develop(canvas, seconds, number)

    def landmarks(self, seconds: float, names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Where joints of the main person are in the picture: pixels `[len(names), 2]`, or None without a person."""
        if self.person is None:
            return None
        joints = place_joints(self.performance.pose_at(seconds), self.person.body)
        pixels, _ = self.camera.project(np.stack([joints[name] for name in names]))
        return np.asarray(pixels + np.asarray(self._shake(seconds)))

    def _shake(self, seconds: float) -> tuple[float, float]:
        across, down = self.camera.shake(seconds)
        return float(np.clip(across, -_MARGIN, _MARGIN)), float(np.clip(down, -_MARGIN, _MARGIN))

    def _draw(
        self,
        canvas: Canvas,
        person: Person,
        performance: Performance,
        seconds: float,
        offset: tuple[float, float],
        extra: Extra | None,
    ) -> None:
        pose = performance.pose_at(seconds)
        joints = place_joints(pose, person.body)
        if extra is not None:
            shift = np.array([extra.aside, 0.0, -extra.behind])
            joints = {name: position + shift for name, position in joints.items()}
        capsules = person.capsules(joints)
        if self.chair is not None and extra is None:
            capsules += _chair_under(joints, self.chair)
        if extra is None:
            capsules += self.furniture
        if self.appearance.shadow > 0:
            body = np.stack(list(joints.values()))
            low = body[body[:, 1] < body[:, 1].min() + 0.25]
            draw_shadow(canvas, low, self.camera, strength=self.appearance.shadow, offset_xy=offset)
        draw_capsules(canvas, capsules, self.camera, light=self.appearance.light, offset_xy=offset)

    def _develop(self, canvas: Canvas, seconds: float, number: int) -> Canvas:
        appearance = self.appearance
        if appearance.blur > 0.25:
            canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), appearance.blur), np.uint8)
        gain = appearance.gain * (1 + appearance.flicker * np.sin(seconds * 9.7))
        picture = canvas * (np.array(appearance.tint, np.float32) * np.float32(gain))
        if appearance.noise > 0:
            height, width = canvas.shape[:2]
            row, column = (number * 37) % 64, (number * 53) % 64
            picture += np.float32(appearance.noise / 16) * self.noise[row : row + height, column : column + width]
        developed: Canvas = np.clip(picture, 0, 255).astype(np.uint8)
        if appearance.jpeg_quality is not None:
            _, packed = cv2.imencode(".jpg", developed, [cv2.IMWRITE_JPEG_QUALITY, appearance.jpeg_quality])
            developed = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        return developed


def _chair_under(joints: dict[str, Vector], colour: Colour) -> list[Capsule]:
    across = joints["left_hip"] - joints["right_hip"]
    side = across / max(float(np.linalg.norm(across)), 1e-6)
    back = np.cross(side, np.array([0.0, 1.0, 0.0]))
    if back @ np.array([0.0, 0.0, 1.0]) > 0 and abs(side[0]) > 0.3 and side[0] > 0:
        back = -back
    return chair(joints["pelvis"], side, back, colour)


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Draw random light, lens and compression."""
    tint = 1 + rng.normal(0, 0.05, 3)
    return Appearance(
        gain=float(np.clip(rng.normal(0.95, 0.2), 0.4, 1.4)),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        flicker=float(rng.uniform(0, 0.05)) if rng.random() < 0.2 else 0.0,
        noise=float(rng.uniform(0, 14)) if rng.random() < 0.7 else 0.0,
        blur=float(rng.uniform(0, 1.2)),
        jpeg_quality=int(rng.integers(22, 90)) if rng.random() < 0.6 else None,
        light=(float(rng.uniform(-0.7, 0.7)), float(rng.uniform(-0.9, -0.1))),
        shadow=float(rng.uniform(0.1, 0.55)) if rng.random() < 0.75 else 0.0,
    )


def draw_scene(
    rng: np.random.Generator,
    labels: list[str],
    *,
    size_wh: tuple[int, int] | None = None,
    facing: float | None = None,
    seated: bool = False,
    framing: str | None = None,
) -> Scene:
    """Draw a random scene in which one person does `labels` one after the other.

    Args:
        rng: Source of chance; the same state gives the same scene.
        labels: Labels to perform, from `motions.LABELS`, in order.
        size_wh: Picture size; a random small one where not given.
        facing: Yaw in degrees for the whole shot (0 faces the camera), else each motion has its own.
        seated: Whether the person sits on a chair all the time.
        framing: Name of a framing, one of `cameras.FRAMINGS`; chosen to fit the labels where not given.
    """
    size = size_wh or SIZES_WH[rng.integers(len(SIZES_WH))]
    person = draw_person(rng)
    framing = framing or draw_framing(rng, labels, seated=seated)
    camera = draw_camera(rng, size_wh=size, framing=framing, person_height=person.body.height)
    performance = direct(rng, labels, half_width=camera.half_width, seated=seated, facing=facing)
    return dress(rng, camera, person, performance, seated=seated)


def draw_empty_scene(rng: np.random.Generator, *, seconds: float, size_wh: tuple[int, int] | None = None) -> Scene:
    """Draw a scene without people: still, or with things that move by themselves. Its label is `idle`."""
    size = size_wh or SIZES_WH[rng.integers(len(SIZES_WH))]
    camera = draw_camera(rng, size_wh=size, framing=str(rng.choice(FRAMINGS)), person_height=1.75)
    count = max(int(np.ceil(seconds / 3.0)), 1)
    performance = direct(rng, [BACKGROUND] * count, half_width=1.0)
    return dress(rng, camera, None, performance, seated=False)


def on_tripod(scene: Scene) -> Scene:
    """The same scene from a steady camera with a clean sensor: what compresses to a small film."""
    camera = replace(scene.camera, shake_pixels=0.0, drift_pixels=0.0)
    return replace(scene, camera=camera, appearance=replace(scene.appearance, noise=0.0, jpeg_quality=None))


def draw_framing(rng: np.random.Generator, labels: list[str], *, seated: bool) -> str:
    """Choose a framing in which the labels can be seen."""
    if seated or any(label in ("fall", "bend", "jumping-jack") for label in labels):
        return "whole"
    if all(label in UPPER_BODY for label in labels):
        return str(rng.choice(FRAMINGS, p=[0.45, 0.2, 0.35]))
    return str(rng.choice(["whole", "knees"], p=[0.85, 0.15]))


def draw_script(rng: np.random.Generator, count: int) -> tuple[list[str], bool]:
    """Draw what happens in a shot: `count` labels and whether the person sits."""
    kind = rng.random()
    if kind < 0.08:
        return cast(rng, ("idle", "wave", "wave-both-hands", "clap"), count), True
    if kind < 0.30:
        return cast(rng, UPPER_BODY, count), False
    return cast(rng, LABELS, count), False


def dress(
    rng: np.random.Generator,
    camera: Camera,
    person: Person | None,
    performance: Performance,
    *,
    seated: bool = False,
    furniture: tuple[Capsule, ...] = (),
    movers: tuple[Mover, ...] | None = None,
) -> Scene:
    """Put a random background, light and bystanders around what a camera is to see.

    Args:
        rng: Source of chance.
        camera: Camera that sees the scene.
        person: Who performs, or None.
        performance: What the person does.
        seated: Whether a chair goes where the person goes.
        furniture: What stands around the person.
        movers: What moves by itself; random things where not given.
    """
    extra = None
    if person is not None and rng.random() < 0.12:
        behind = float(rng.uniform(1.2, 3.5))
        aside = float(rng.choice([-1, 1]) * rng.uniform(0.35, 0.9) * camera.half_width * (1 + behind / camera.distance))
        bystander = direct(rng, [BACKGROUND] * 6, half_width=0.5)
        extra = Extra(draw_person(rng), bystander, behind, aside)
    width, height = camera.size_wh
    return Scene(
        camera=camera,
        background=paint_background(rng, camera, margin=_MARGIN),
        movers=_random_movers(rng, camera, person) if movers is None else movers,
        person=person,
        performance=performance,
        extra=extra,
        appearance=draw_appearance(rng),
        noise=np.asarray(rng.normal(0, 16, (height + 64, width + 64, 3)), np.int16),
        chair=any_colour(rng) if seated else None,
        furniture=furniture,
    )


def _random_movers(rng: np.random.Generator, camera: Camera, person: Person | None) -> tuple[Mover, ...]:
    return tuple(draw_movers(rng, camera, busy=person is None and rng.random() < 0.75))
