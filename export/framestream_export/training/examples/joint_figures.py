"""Pictures of people drawn from their joints, for runs that have joints and no films.

Plain as they are, the pose network finds the joints again, most of them within a twentieth of the picture. So what a
model predicts about them varies as it does about films.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream.model.spec import JOINTS

_FACE, _EYES = slice(0, 5), (1, 2)
_TRUNK = (5, 6, 12, 11)
_LIMBS = ((5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16))
_FIRST_OF_LEGS = 11
_WALL, _FLOOR, _SHIRT, _SKIN, _TROUSERS, _EYE = (
    *((195, 195, 195), (170, 170, 170), (40, 60, 150)),
    *((205, 160, 130), (40, 40, 60), (30, 30, 30)),
)
_BITS = 4  # of fractions of a pixel, in which OpenCV counts


def draw_figures(keypoints: NDArray[np.float32], *, size: int) -> NDArray[np.uint8]:
    """A figure a frame: uint8 [N, size, size, 3], RGB.

    Args:
        keypoints: float32 [N, 51], as the pose encoder gives them.
        size: Height and width of the pictures, pixels.
    """
    places = np.clip(keypoints.reshape(-1, JOINTS, 3)[..., :2], -1, 2) * size
    return np.stack([_draw(joints, size) for joints in places])


def _draw(joints: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """One figure from joints [17, 2], pixels."""
    picture = np.empty((size, size, 3), np.uint8)
    picture[: size // 2], picture[size // 2 :] = _WALL, _FLOOR
    tall = max(float(np.ptp(joints[:, 1])), size / 4)
    thick, fine = max(2, int(tall / 14)), np.rint(joints * 2**_BITS).astype(np.int32)
    cv2.fillConvexPoly(picture, fine[list(_TRUNK)], _SHIRT, cv2.LINE_AA, _BITS)
    cv2.polylines(picture, [fine[list(_TRUNK)]], True, _SHIRT, thick, cv2.LINE_AA, _BITS)
    for limb in _LIMBS:
        color = _TROUSERS if limb[0] >= _FIRST_OF_LEGS else _SKIN
        for one, other in pairwise(limb):
            cv2.line(picture, fine[one].tolist(), fine[other].tolist(), color, thick, cv2.LINE_AA, _BITS)
    _disc(picture, fine[_FACE].mean(axis=0).astype(np.int32), max(2, int(tall / 12)), _SKIN)
    for eye in _EYES:
        _disc(picture, fine[eye], max(1, int(tall / 60)), _EYE)
    return picture


def _disc(picture: NDArray[np.uint8], middle: NDArray[np.int32], radius: int, color: tuple[int, int, int]) -> None:
    cv2.circle(picture, middle.tolist(), radius << _BITS, color, -1, cv2.LINE_AA, _BITS)
