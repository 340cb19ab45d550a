"""Finding copies of clips: encoded anew, scaled, at another frame rate, a little shorter, or mirrored.

A perceptual hash of frames would not do. Clips of one camera share their background, so all of them would be copies of
each other. What is compared here is what moves: a few frames, evenly spread over the clip's time and made tiny, less
their mean. Two takes of one action by one person in one room differ in it, two encodings of one take do not. The means
themselves must be alike as well. Clips in which nothing moves have no fingerprint, and segments cut from one film at
different times are not found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.frames import Image
from framestream_export.data.check.thumbnails import Thinned

FRAMES, SIDE = 8, 16
_MOST_KEPT = 128
# Gray levels (root mean square) that frames must differ by from their mean; noise of cameras, averaged, is below 1.
_LEAST_MOTION = 1.0
_FLAT = 2.0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A clip made small for comparison: what moves in it, and what does not.

    Attributes:
        times: float64 [N], seconds after the first frame, rising.
        frames: uint8 [N, SIDE, SIDE], gray, at these times.
        motion: float32 [FRAMES, SIDE, SIDE], of length 1: frames evenly spread over the clip, less their mean.
        scene: float32 [SIDE, SIDE], of length 1: that mean less its mean; zeros where it is of one gray.
    """

    times: NDArray[np.float64]
    frames: NDArray[np.uint8]
    motion: NDArray[np.float32]
    scene: NDArray[np.float32]

    @property
    def duration_seconds(self) -> float:
        """Time from the first frame to the last."""
        return float(self.times[-1])

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
        """What is seen at some times, between frames a mixture of both: float32 [times, SIDE, SIDE]."""
        after = np.clip(np.searchsorted(self.times, times), 1, len(self.times) - 1)
        before_seconds, after_seconds = self.times[after - 1], self.times[after]
        share = ((times - before_seconds) / (after_seconds - before_seconds)).astype(np.float32)[:, None, None]
        return (1 - share) * self.frames[after - 1] + share * self.frames[after]


class FingerprintMaker:
    """Makes a fingerprint while a clip is read once."""

    def __init__(self) -> None:
        """Make a maker that has seen no frame."""
        self._kept: Thinned[tuple[float, NDArray[np.uint8]]] = Thinned(_MOST_KEPT)

    def wants_next(self) -> bool:
        """Whether the next frame is needed; ask once for each."""
        return self._kept.wants_next()

    def add(self, pts_seconds: float, image: Image) -> None:
        """Take a frame that was wanted."""
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY) if small.ndim == 3 else small
        self._kept.keep((pts_seconds, np.asarray(gray, dtype=np.uint8)))

    def finish(self) -> Fingerprint | None:
        """The fingerprint, or None where nothing moves or time does not go on."""
        if len(self._kept.items) < 2:
            return None
        times = np.array([pts_seconds for pts_seconds, _ in self._kept.items])
        if not np.all(np.diff(times) > 0):
            return None
        made = Fingerprint(times - times[0], np.stack([frame for _, frame in self._kept.items]), _NOTHING, _NOTHING)
        shown = made.at(made.duration_seconds * (np.arange(FRAMES) + 0.5) / FRAMES)
        mean = shown.mean(axis=0)
        if float(np.sqrt(((shown - mean) ** 2).mean())) < _LEAST_MOTION:
            return None
        scene = mean - mean.mean()
        flat = float(np.linalg.norm(scene)) <= _FLAT * SIDE
        return replace(made, motion=_unit(shown - mean), scene=np.zeros_like(scene) if flat else _unit(scene))


_NOTHING: NDArray[np.float32] = np.empty(0, np.float32)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values / np.float32(np.linalg.norm(values))
