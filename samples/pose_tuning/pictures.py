"""Pictures for the pose network: rendered ones, whose joints are known, and real ones, whose joints it has to find."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.recorder import JOINTS_SUFFIX

SIZE = 160
"""Height and width of the pictures that the network is shown, pixels."""

_REAL_SIZE = 224
_VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")
# The nose stays; the others change sides.
_MIRRORED = np.array([0, *(joint for left in range(1, 17, 2) for joint in (left + 1, left))])
# How far a picture is zoomed (of the logarithm), stretched (its deviation) and moved (shares of its side).
_ZOOM, _STRETCH, _SHIFT = 0.35, 0.08, 0.1
_LIGHT, _TINT, _OFFSET = 0.15, 0.05, 10.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one kind.

    Attributes:
        frames: uint8 RGB [N, side, side, 3].
        joints: float32 [N, 17, 2], x and y, 0..1 of the picture, NaN without a person; None where nobody knows.
    """

    frames: NDArray[np.uint8]
    joints: NDArray[np.float32] | None = None

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Random ones of them, each seen anew: float32 [count, SIZE, SIZE, 3] 0..255, and their joints."""
        chosen = rng.integers(len(self.frames), size=count)
        frames = np.empty((count, SIZE, SIZE, 3), np.float32)
        joints = None if self.joints is None else self.joints[chosen].copy()
        for row, number in enumerate(chosen):
            matrix, mirrored = _draw_view(rng)
            frames[row] = _lit(_seen(self.frames[number], matrix), rng)
            if joints is not None:
                moved = joints[row] @ matrix[:, :2].T + matrix[:, 2]
                joints[row] = moved[_MIRRORED] if mirrored else moved
        return frames, joints


def read_rendered(folder: Path, *, split: str, each: int) -> Pictures:
    """Frames of the shots in one split of `folder/manifest.csv`, `each` of every shot, with their joints.

    Raises:
        SystemExit: There are no such shots, or one lies there without its joints.
    """
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        names = sorted({row["path"] for row in csv.DictReader(file) if row["split"] == split})
    frames, joints = [], []
    for name in names:
        path = folder / name
        known = path.with_suffix(JOINTS_SUFFIX)
        if not known.is_file():
            raise SystemExit(f"{known} is not there; render the shots anew: render.py shots {folder}")
        of_shot = np.load(known, allow_pickle=False)
        wanted = set(np.linspace(0, len(of_shot) - 1, each).round().astype(int).tolist())
        for number, picture in enumerate(_decode(path)):
            if number in wanted and number < len(of_shot):
                frames.append(_scaled(picture, SIZE))
                joints.append(of_shot[number])
    if not frames:
        raise SystemExit(f"{folder} has no shots of the split {split!r}")
    return Pictures(np.stack(frames), np.stack(joints).astype(np.float32))


def read_real(folders: list[Path], *, every: int = 3) -> Pictures:
    """Every third frame of all films in some folders.

    Raises:
        SystemExit: There is no film.
    """
    films = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _VIDEO_SUFFIXES)
    frames = [
        _scaled(picture, _REAL_SIZE)
        for path in films
        for number, picture in enumerate(_decode(path))
        if number % every == 0
    ]
    if not frames:
        raise SystemExit(f"no films in {', '.join(map(str, folders))}")
    return Pictures(np.stack(frames))


def _decode(path: Path) -> Iterator[NDArray[np.uint8]]:
    capture = cv2.VideoCapture(str(path))
    while True:
        read, picture = capture.read()
        if not read:
            break
        yield np.asarray(picture, np.uint8)
    capture.release()


def _scaled(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)


def _draw_view(rng: np.random.Generator) -> tuple[NDArray[np.float64], bool]:
    """How a picture is seen: what its places, 0..1, are multiplied by and moved by [2, 3]; whether it is mirrored."""
    zoom = np.exp(rng.uniform(-_ZOOM, _ZOOM) + rng.normal(0, _STRETCH, 2))
    shift = 0.5 - 0.5 * zoom + rng.uniform(-_SHIFT, _SHIFT, 2)
    matrix = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        matrix[0] = -matrix[0, 0], 0, 1 - matrix[0, 2]
    return matrix, mirrored


def _seen(picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    in_pixels = SIZE * matrix / np.array([len(picture), len(picture), 1])
    moved = cv2.warpAffine(picture, in_pixels, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _lit(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    gain = np.exp(rng.normal(0, _LIGHT) + rng.normal(0, _TINT, 3))
    return np.asarray(np.clip(picture * gain + rng.normal(0, _OFFSET), 0, 255), np.float32)
