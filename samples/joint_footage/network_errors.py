"""What a pose network gets wrong about a person's joints, learnt from shots of which all joints are known.

True joints are exact and what a network says is not: it trembles, mixes up left and right, loses hands behind a back.
So the errors of one shot, in their order, are laid over the true joints of another. In units of the person's size they
mean the same wherever that person stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_SIZE = 0.01
_SCORE_OUTSIDE, _SCORE_INSIDE = 0.1, 0.4
# The network gives places a little beyond the picture's edge, but not farther.
_BEYOND = 0.05


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """The errors in one shot.

    Attributes:
        offsets: float32 [N, 17, 2], found minus true, in sizes of the person.
        scores: float32 [N, 17], 0..1, as the network gave them.
        outside: bool [N, 17], whether the true joint was out of the picture.
    """

    offsets: NDArray[np.float32]
    scores: NDArray[np.float32]
    outside: NDArray[np.bool_]

    @classmethod
    def between(cls, found: NDArray[np.float32], true: NDArray[np.float32]) -> NetworkErrors:
        """The errors of joints [N, 17, 3] that were found, against true ones [N, 17, 2] of the same frames."""
        offsets = (found[..., :2] - true) / body_sizes(true)
        return cls(offsets.astype(np.float32), found[..., 2].astype(np.float32), out_of_sight(true))

    def lay_over(self, true: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """What the network might have said of a person, float32 [M, 17, 3].

        A shot that is too short is run through forwards and backwards, from a random frame on.

        Args:
            true: float32 [M, 17, 2], true joints.
            rng: Where to begin comes from here.
        """
        count = len(self.offsets)
        steps = (int(rng.integers(count)) + np.arange(len(true))) % (2 * count)
        frames = np.where(steps < count, steps, 2 * count - 1 - steps)
        places, scores = true + self.offsets[frames] * body_sizes(true), self.scores[frames]
        outside = out_of_sight(true)
        # What the network said of a joint out of sight is no error that it makes of one in sight.
        unlike = self.outside[frames] & ~outside
        places = np.where(unlike[..., None], true, places)
        scores = np.where(unlike, np.maximum(scores, _SCORE_INSIDE), scores)
        places = np.where(outside[..., None], np.clip(true, 0, 1), places)
        scores = np.where(outside, np.minimum(scores, _SCORE_OUTSIDE), scores)
        places = np.clip(places, -_BEYOND, 1 + _BEYOND)
        return np.concatenate([places, scores[..., None]], axis=-1).astype(np.float32)


def body_sizes(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    """How large a person is in each frame [N, 1, 1]: the deviation of the joints' x and of their y, on average."""
    sizes = joints.std(axis=1).mean(axis=-1)
    return np.asarray(np.maximum(sizes, _LEAST_SIZE)[:, None, None], np.float32)


def out_of_sight(joints: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which joints [N, 17, 2] are out of the picture: bool [N, 17]."""
    return np.asarray(((joints < 0) | (joints > 1)).any(axis=-1))
