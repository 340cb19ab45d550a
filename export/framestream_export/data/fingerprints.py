"""Finding copies of clips: encoded anew, scaled, at another frame rate, or mirrored.

A perceptual hash of frames would not do. Clips of one camera share their background, so all of them would be copies of
each other. What is compared here is what moves: a few frames, evenly spread over the clip's time and made tiny, less
their mean. Two takes of one action by one person in one room differ in it, two encodings of one take do not. The means
themselves must be alike as well. Clips in which nothing moves have no fingerprint, and pieces cut from one film at
different times are not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.frames import Image
from framestream_export.data.thinning import Thinned

FRAMES, SIDE = 8, 16
_MOST_KEPT = 256
# Gray levels (root mean square) that frames must differ by from their mean; noise of cameras, averaged, is below 1.
_LEAST_MOTION = 1.0
_FLAT = 2.0
LEAST_LIKENESS = 0.9
_LEAST_SCENE_LIKENESS = 0.9
_LONGEST_RATIO = 1.1
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What moves in a clip, and what does not.

    Attributes:
        motion: float32 [FRAMES, SIDE, SIDE], of length 1: frames less their mean.
        scene: float32 [SIDE, SIDE], of length 1: that mean less its mean; zeros where it is of one gray.
        duration_seconds: From the first frame to the last.
    """

    motion: NDArray[np.float32]
    scene: NDArray[np.float32]
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two clips that show the same, by their numbers.

    Attributes:
        first: The earlier of the two.
        second: The later.
        likeness: Cosine of the angle between what moves in them, up to 1.
        mirrored: Whether one is the other's mirror image.
    """

    first: int
    second: int
    likeness: float
    mirrored: bool


class FingerprintMaker:
    """Makes a fingerprint while a clip is read once."""

    def __init__(self) -> None:
        """Begin without a frame."""
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
        frames = np.stack([frame for _, frame in self._kept.items]).astype(np.float32)
        if not np.all(np.diff(times) > 0):
            return None
        duration = float(times[-1] - times[0])
        wanted = times[0] + duration * (np.arange(FRAMES) + 0.5) / FRAMES
        after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
        share = ((wanted - times[after - 1]) / (times[after] - times[after - 1])).astype(np.float32)[:, None, None]
        shown = (1 - share) * frames[after - 1] + share * frames[after]
        mean = shown.mean(axis=0)
        motion = shown - mean
        if float(np.sqrt((motion**2).mean())) < _LEAST_MOTION:
            return None
        scene = mean - mean.mean()
        scale = float(np.linalg.norm(scene))
        scene = scene / scale if scale > _FLAT * SIDE else np.zeros_like(scene)
        return Fingerprint(motion / np.linalg.norm(motion), scene, duration)


def find_copies(
    fingerprints: Sequence[Fingerprint | None], *, least_likeness: float = LEAST_LIKENESS
) -> list[Likeness]:
    """All pairs of clips that show the same, by number.

    Every pair is compared, as one product of matrices: 10,000 clips take seconds.
    """
    numbers = [number for number, one in enumerate(fingerprints) if one is not None]
    known = [one for one in fingerprints if one is not None]
    if not known:
        return []
    motion = np.stack([one.motion for one in known])
    scene = np.stack([one.scene for one in known])
    duration = np.array([one.duration_seconds for one in known])
    rows = motion.reshape(len(known), -1)
    flipped = np.ascontiguousarray(motion[..., ::-1]).reshape(len(known), -1)
    best: dict[tuple[int, int], Likeness] = {}
    for mirrored, others in ((False, rows), (True, flipped)):
        scenes = scene[..., ::-1] if mirrored else scene
        for first, second, likeness in _alike(rows, others, least_likeness):
            if max(duration[first], duration[second]) > _LONGEST_RATIO * min(duration[first], duration[second]):
                continue
            has_scene = scene[first].any() and scenes[second].any()
            if has_scene and float((scene[first] * scenes[second]).sum()) < _LEAST_SCENE_LIKENESS:
                continue
            pair = (numbers[first], numbers[second])
            if pair not in best or best[pair].likeness < likeness:
                best[pair] = Likeness(*pair, likeness, mirrored)
    return [best[pair] for pair in sorted(best)]


def _alike(rows: NDArray[np.float32], others: NDArray[np.float32], least: float) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        products = rows[start : start + _ROWS_AT_ONCE] @ others[start:].T
        for row, column in np.argwhere(products >= least):
            if column > row:
                yield start + int(row), start + int(column), min(1.0, float(products[row, column]))
