"""Standing about and getting back on one's feet: what is called `idle`."""

from __future__ import annotations

import numpy as np

from footage.activities import draw_activity
from footage.motions import Motion, Place, stance
from footage.poses import Pose, blend, ease, make_pose
from footage.resting import lie_a_while
from footage.seated import sit_a_while


def idle(rng: np.random.Generator, place: Place) -> Motion:
    """Stand and do something unrelated; now and then sit down or lie down for a while."""
    kind = rng.random()
    if place.can_rest and kind < 0.16:
        return sit_a_while(rng, place)
    if place.can_rest and kind < 0.24:
        return lie_a_while(rng, place)
    stand, activity = stance(rng, place), draw_activity(rng, seated=False)
    return Motion("idle", float(rng.uniform(2.0, 4.5)), lambda t: np.asarray(stand(t) + activity(t)))


def get_up(rng: np.random.Generator, place: Place, lying: Pose) -> Motion:
    """Come back to one's feet after a fall; nothing to report: `idle`."""
    seconds = float(rng.uniform(1.5, 2.8))
    stand = stance(rng, place)
    kneel = stand(0.0) + make_pose(pitch=35, hip_flex=105, knee=115, spine_pitch=25, shoulder_flex=45)

    def pose_at(t: float) -> Pose:
        share = t / seconds
        if share < 0.5:
            return blend(lying, kneel, ease(share / 0.5))
        return blend(kneel, stand(t), ease((share - 0.5) / 0.5))

    return Motion("idle", seconds, pose_at)
