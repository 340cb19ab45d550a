"""A scene: people, a camera, a room and a light, rendered frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.appearance import Appearance, draw_appearance
from footage.cameras import FRAMINGS, Camera, draw_camera
from footage.direction import LYING, SEATED, STANDING, Performance, Segment, cast, direct
from footage.drawing import Canvas, draw_boxes, draw_shadow, draw_solids
from footage.furniture import under
from footage.motions import BACKGROUND, LABELS, UPPER_BODY
from footage.movers import Mover, draw_movers
from footage.people import Person, draw_person
from footage.rooms import draw_room, paint_room
from footage.skeleton import Vector, place_joints
from footage.solids import Box

_MARGIN = 14
#: Small pictures are drawn larger and scaled down, so that thin things do not flicker.
_FINE_ROWS = 200
SIZES_WH = ((160, 120), (160, 120), (176, 132), (192, 108), (192, 108), (256, 144), (144, 144), (120, 160))


@dataclass(frozen=True, slots=True)
class Extra:
    """A second person at the back."""

    person: Person
    performance: Performance
    behind: float
    aside: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that one shot needs; `frames` renders it.

    `background`, `movers` and bodies are drawn `detail` times as large as the camera's picture.
    """

    camera: Camera
    detail: int
    background: Canvas
    movers: tuple[Mover, ...]
    person: Person | None
    performance: Performance
    extra: Extra | None
    appearance: Appearance
    noise: NDArray[np.int16]
    furniture: tuple[Box, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The ground-truth timeline of this shot."""
        return self.performance.segments

    def frames(self, rate: float) -> Iterator[Canvas]:
        """Render the whole shot at `rate` frames per second: uint8 BGR `[height, width, 3]` each."""
        for number in range(self.frame_count(rate)):
            yield self.render(number / rate, number)

    def frame_count(self, rate: float) -> int:
        """How many frames the whole shot has at `rate` frames per second."""
        return max(round(self.performance.seconds * rate), 1)

    def render(self, seconds: float, number: int) -> Canvas:
        """Render the picture at one time; `number` picks its noise."""
        fine = self.camera.enlarged(self.detail)
        across, down = self._shake(seconds)
        shake = (across * self.detail, down * self.detail)
        margin = _MARGIN * self.detail
        matrix = np.array([[1, 0, shake[0] - margin], [0, 1, shake[1] - margin]], np.float64)
        canvas: Canvas = np.asarray(cv2.warpAffine(self.background, matrix, fine.size_wh), np.uint8)
        for mover in self.movers:
            mover(canvas, seconds, shake)
        if self.extra is not None:
            joints = place_joints(self.extra.performance.pose_at(seconds), self.extra.person.body)
            shift = np.array([self.extra.aside, 0.0, -self.extra.behind])
            joints = {name: position + shift for name, position in joints.items()}
            self._draw(canvas, self.extra.person, joints, fine, shake, ())
        if self.person is not None:
            joints = place_joints(self.performance.pose_at(seconds), self.person.body)
            self._draw(canvas, self.person, joints, fine, shake, self.furniture)
        if self.detail > 1:
            canvas = np.asarray(cv2.resize(canvas, self.camera.size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        return self.appearance.develop(canvas, self.noise, seconds=seconds, number=number)

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
        joints: dict[str, Vector],
        camera: Camera,
        shake: tuple[float, float],
        furniture: tuple[Box, ...],
    ) -> None:
        solids = person.solids(joints)
        pelvis = joints["pelvis"]
        reach = float(np.linalg.norm(pelvis - camera.eye)) - 0.12

        def hides(box: Box) -> bool:
            """Whether it stands higher than the seat and nearer to the camera than the body: a table, a backrest."""
            high = box.corner[1] + box.up[1] > pelvis[1] + 0.15
            return bool(high and np.linalg.norm(box.middle - camera.eye) < reach)

        hiding = [box for box in furniture if hides(box)]
        behind = [box for box in furniture if not hides(box)]
        draw_boxes(canvas, behind, camera, offset_xy=shake)
        if self.appearance.shadow > 0:
            body = np.stack(list(joints.values()))
            low = body[body[:, 1] < body[:, 1].min() + 0.25]
            draw_shadow(canvas, low, camera, strength=self.appearance.shadow, offset_xy=shake)
        draw_solids(canvas, solids, camera, light=self.appearance.light, offset_xy=shake)
        if hiding:
            draw_boxes(canvas, hiding, camera, offset_xy=shake)
            top = max(float(box.corner[1] + box.up[1]) for box in hiding)
            above = [solid for solid in solids if solid.centres[:, 1].min() > top]  # arms on the table
            if above:
                draw_solids(canvas, above, camera, light=self.appearance.light, offset_xy=shake)


def draw_scene(
    rng: np.random.Generator,
    labels: list[str],
    *,
    size_wh: tuple[int, int] | None = None,
    facing: float | None = None,
    posture: str = STANDING,
    framing: str | None = None,
) -> Scene:
    """Draw a random scene in which one person does `labels` one after the other.

    Args:
        rng: Source of chance; the same state gives the same scene.
        labels: Labels to perform, from `motions.LABELS`, in order.
        size_wh: Picture size; a random small one where not given.
        facing: Yaw in degrees for the whole shot (0 faces the camera), else each motion has its own.
        posture: What the person does all the time, one of `direction.POSTURES`.
        framing: Name of a framing, one of `cameras.FRAMINGS`; chosen to fit the labels where not given.
    """
    size = size_wh or SIZES_WH[rng.integers(len(SIZES_WH))]
    person = draw_person(rng)
    can_leave = framing is None  # who asks for a framing wants to see somebody in it
    framing = framing or draw_framing(rng, labels, posture)
    camera = draw_camera(rng, size_wh=size, framing=framing, person_height=person.body.height)
    performance = direct(
        rng,
        labels,
        half_width=camera.half_width,
        near=0.12 * camera.distance,
        posture=posture,
        facing=facing,
        can_rest=framing in ("far", "whole"),
        can_leave=can_leave,
    )
    return dress(rng, camera, person, performance)


def draw_empty_scene(rng: np.random.Generator, *, seconds: float, size_wh: tuple[int, int] | None = None) -> Scene:
    """Draw a scene without people: still, or with things that move by themselves. Its label is `idle`."""
    size = size_wh or SIZES_WH[rng.integers(len(SIZES_WH))]
    camera = draw_camera(rng, size_wh=size, framing=str(rng.choice(FRAMINGS)), person_height=1.75)
    count = max(int(np.ceil(seconds / 3.0)), 1)
    performance = direct(rng, [BACKGROUND] * count, half_width=1.0)
    return dress(rng, camera, None, performance)


def on_tripod(scene: Scene) -> Scene:
    """The same scene from a steady camera with a clean sensor: what compresses to a small film."""
    camera = replace(scene.camera, shake_pixels=0.0, drift_pixels=0.0)
    return replace(scene, camera=camera, appearance=replace(scene.appearance, noise=0.0, jpeg_quality=None))


def draw_framing(rng: np.random.Generator, labels: list[str], posture: str) -> str:
    """Choose a framing in which the labels can be seen."""
    whole = "far" if rng.random() < 0.25 else "whole"
    if posture != STANDING or any(label in ("fall", "bend", "jumping-jack") for label in labels):
        return whole
    if all(label in UPPER_BODY for label in labels):
        return str(rng.choice([whole, "knees", "waist"], p=[0.45, 0.2, 0.35]))
    return str(rng.choice([whole, "knees"], p=[0.85, 0.15]))


def draw_script(rng: np.random.Generator, count: int) -> tuple[list[str], str]:
    """Draw what happens in a shot: `count` labels, and the person's posture, one of `direction.POSTURES`."""
    kind = rng.random()
    if kind < 0.13:
        labels = cast(rng, ("wave", "wave-both-hands", "clap"), count)
        return ([*labels[:-1], "fall"] if rng.random() < 0.25 else labels), SEATED
    if kind < 0.17:
        return [BACKGROUND] * count, SEATED
    if kind < 0.22:
        return [BACKGROUND] * min(count, 2), LYING
    if kind < 0.27:
        return [BACKGROUND] * count, STANDING
    if kind < 0.44:
        return cast(rng, UPPER_BODY, count), STANDING
    return cast(rng, LABELS, count), STANDING


def dress(
    rng: np.random.Generator,
    camera: Camera,
    person: Person | None,
    performance: Performance,
    *,
    movers: tuple[Mover, ...] | None = None,
) -> Scene:
    """Put a random room, light and bystanders around what a camera is to see.

    Args:
        rng: Source of chance.
        camera: Camera that sees the scene.
        person: Who performs, or None.
        performance: What the person does.
        movers: What moves by itself, painted in the pixels of `fine(camera)`; random things where not given.
    """
    back = float(rng.uniform(1.3, 4.5))
    extra = None
    if person is not None and rng.random() < 0.06:
        behind = float(rng.uniform(2.0, 4.0))
        aside = float(
            rng.choice([-1, 1]) * rng.uniform(0.45, 0.95) * camera.half_width * (1 + behind / camera.distance)
        )
        bystander = direct(rng, [BACKGROUND] * 6, half_width=0.5)
        extra = Extra(draw_person(rng), bystander, behind, aside)
        back = max(back, behind + 0.5)
    furniture: list[Box] = []
    if person is not None:
        for rest in performance.rests:
            furniture += under(rng, rest.kind, place_joints(rest.pose, person.body))
    drawn = fine(camera)
    width, height = camera.size_wh
    return Scene(
        camera=camera,
        detail=drawn.size_wh[0] // width,
        background=paint_room(
            rng, draw_room(rng, drawn, back=back), drawn, margin=_MARGIN * (drawn.size_wh[0] // width)
        ),
        movers=_random_movers(rng, drawn, person) if movers is None else movers,
        person=person,
        performance=performance,
        extra=extra,
        appearance=draw_appearance(rng),
        noise=np.asarray(rng.normal(0, 16, (height + 64, width + 64, 3)), np.int16),
        furniture=tuple(furniture),
    )


def fine(camera: Camera) -> Camera:
    """The camera in whose pixels a scene is drawn before it is scaled down."""
    return camera.enlarged(2 if camera.size_wh[1] < _FINE_ROWS else 1)


def _random_movers(rng: np.random.Generator, camera: Camera, person: Person | None) -> tuple[Mover, ...]:
    return tuple(draw_movers(rng, camera, busy=person is None and rng.random() < 0.5))
