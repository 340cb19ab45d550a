"""Labels that only the order of frames tells apart: one performance, shown forwards and backwards.

Sitting down backwards is standing up, and a door that opens backwards closes. Both clips of such a pair have the very
same frames, so whoever recognises pictures only, whatever they show, is right half of the time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from footage.cameras import draw_camera
from footage.direction import Performance
from footage.motions import Motion, Place, stance
from footage.openings import draw_opening
from footage.people import draw_person
from footage.poses import ease, make_pose
from footage.scenes import SIZES_WH, Scene, dress, fine
from footage.seated import draw_descent

Pair = tuple[str, str]

SITTING: Pair = ("sit-down", "stand-up")
OPENING: Pair = ("open", "close")
PAIRS = (SITTING, OPENING)


def draw_pair(rng: np.random.Generator, pair: Pair) -> Scene:
    """Draw the scene of a pair's first label.

    Args:
        rng: Source of chance; the same state gives the same scene.
        pair: Name of a pair, one of `PAIRS`.
    """
    return _sitting(rng) if pair == SITTING else _opening(rng)


def sit_down(rng: np.random.Generator, place: Place) -> Motion:
    """Go from standing to sitting on what is behind, feet where they are."""
    seconds, share_at = _once(rng)
    stand, descent = stance(rng, place), draw_descent(rng, place)
    return Motion(
        SITTING[0], seconds, lambda t: np.asarray(stand(t) + descent.lowered(share_at(t))), descent.rest("chair")
    )


def _sitting(rng: np.random.Generator) -> Scene:
    person = draw_person(rng)
    size_wh = SIZES_WH[rng.integers(len(SIZES_WH))]
    camera = draw_camera(rng, size_wh=size_wh, framing="whole", person_height=person.body.height)
    place = Place(x=float(rng.uniform(-0.3, 0.3) * camera.half_width), yaw=float(rng.uniform(-110, 110)))
    motion = sit_down(rng, place)
    return dress(rng, camera, person, Performance((motion,), (0.0,), (0.0,)))


def _opening(rng: np.random.Generator) -> Scene:
    size_wh = SIZES_WH[rng.integers(len(SIZES_WH))]
    camera = draw_camera(rng, size_wh=size_wh, framing="whole", person_height=1.75)
    seconds, share_at = _once(rng)
    mover = draw_opening(rng, fine(camera), share_at)
    nobody = Motion(OPENING[0], seconds, lambda t: make_pose())
    return dress(rng, camera, None, Performance((nobody,), (0.0,), (0.0,)), movers=(mover,))


def _once(rng: np.random.Generator) -> tuple[float, Callable[[float], float]]:
    """Seconds a clip lasts, and how far something has gone in it: one way from 0 to 1, at rest for a moment at most."""
    seconds = float(rng.uniform(1.44, 2.0))
    begins, ends = float(rng.uniform(0, 0.2)), seconds - float(rng.uniform(0, 0.2))

    def share_at(t: float) -> float:
        passed = (t - begins) / (ends - begins)
        return 0.5 * (ease(passed) + min(max(passed, 0.0), 1.0))

    return seconds, share_at
