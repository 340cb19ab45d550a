"""Pictures for the pose network: rendered ones, whose joints are known, and real ones, whose joints it has to find."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.recorder import JOINTS_SUFFIX
from framestream.sampling.resize import fit_frame
from framestream.sources.video_file import VideoFile
from framestream_export.data.footage import VIDEO_SUFFIXES
from framestream_export.training.examples.joint_augmentation import MIRRORED

SIZE = 160
"""Height and width of the pictures that the network is shown, pixels."""

_REAL_SIZE = 224
# How far a picture is zoomed (of the logarithm), stretched (its deviation) and moved (shares of its side).
_ZOOM, _STRETCH, _SHIFT = 0.35, 0.08, 0.1
# Cameras hang askew, and who falls lies at any angle: deviation of the turn, and how often it is any turn, radians.
_TURN, _ANY_TURN = 0.2, 0.1
_LIGHT, _TINT, _OFFSET = 0.15, 0.05, 10.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one kind.

    Attributes:
        frames: uint8 RGB [N, side, side, 3].
        joints: float32 [N, 17, 2], x and y, 0..1 of the picture, NaN without a person; None where nobody knows.
        shares: float64 [N], how often each is drawn, in all 1; None for all alike.
    """

    frames: NDArray[np.uint8]
    joints: NDArray[np.float32] | None = None
    shares: NDArray[np.float64] | None = None

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Random ones of them, each seen anew: float32 [count, SIZE, SIZE, 3] 0..255, and their joints."""
        chosen = rng.choice(len(self.frames), size=count, p=self.shares)
        frames = np.empty((count, SIZE, SIZE, 3), np.float32)
        joints = None if self.joints is None else self.joints[chosen].copy()
        for row, number in enumerate(chosen):
            # What the network said of real pictures upright is no truth about turned ones.
            matrix, mirrored = _draw_view(rng, turned=joints is not None)
            frames[row] = _lit(_seen(self.frames[number], matrix), rng)
            if joints is not None:
                moved = joints[row] @ matrix[:, :2].T + matrix[:, 2]
                joints[row] = moved[MIRRORED] if mirrored else moved
        return frames, joints


def read_rendered(
    folder: Path, *, split: str, each: int, weights: Mapping[str, float] = MappingProxyType({})
) -> Pictures:
    """Frames of the shots in one split of `folder/manifest.csv`, `each` of every shot, with their joints.

    Args:
        folder: Folder that `render.py shots` wrote.
        split: The split.
        each: How many frames of each shot.
        weights: How many times as often as others frames of a label are drawn.

    Raises:
        SystemExit: There are no such shots, or one lies there without its joints.
    """
    segments: dict[str, list[tuple[float, float]]] = {}  # of each shot: when they end, seconds, and their weights
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split:
                weight = weights.get(row["label"], 1.0)
                segments.setdefault(row["path"], []).append((float(row["end"]), weight))
    frames, joints, shares = [], [], []
    for name in sorted(segments):
        path = folder / name
        known = path.with_suffix(JOINTS_SUFFIX)
        if not known.is_file():
            raise SystemExit(f"{known} is not there; render the shots anew: render.py shots {folder}")
        of_shot = np.load(known, allow_pickle=False)
        wanted = np.unique(np.linspace(0, len(of_shot) - 1, each).round().astype(int))
        read = _read_frames(path, wanted.tolist(), side=SIZE)
        frames += read
        joints += list(of_shot[wanted[: len(read)]])
        ends, of_label = map(np.array, zip(*sorted(segments[name]), strict=True))
        seconds = wanted[: len(read)] / len(of_shot) * ends[-1]
        shares += of_label[np.minimum(np.searchsorted(ends, seconds, side="right"), len(ends) - 1)].tolist()
    if not frames:
        raise SystemExit(f"{folder} has no shots of the split {split!r}")
    return Pictures(np.stack(frames), np.stack(joints).astype(np.float32), np.array(shares) / sum(shares))


def read_real(folders: list[Path], *, every: int = 3) -> Pictures:
    """Frames of all films in some folders, every third as a rule.

    Raises:
        SystemExit: There is no film.
    """
    films = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    frames = [frame for path in films for frame in _read_frames(path, count(step=every), side=_REAL_SIZE)]
    if not frames:
        raise SystemExit(f"no films in {', '.join(map(str, folders))}")
    return Pictures(np.stack(frames))


def _read_frames(path: Path, numbers: Iterable[int], *, side: int) -> list[NDArray[np.uint8]]:
    """Frames of a film by their numbers, in order, as a model is given them: uint8 RGB [side, side, 3]."""
    film = VideoFile(path)
    frames, wanted = [], iter(numbers)
    number, next_wanted = 0, next(wanted, None)
    while next_wanted is not None and film.grab() is not None:
        if number == next_wanted:
            frames.append(fit_frame(film.retrieve(), size_wh=(side, side)))
            next_wanted = next(wanted, None)
        number += 1
    film.close()
    return frames


def _draw_view(rng: np.random.Generator, *, turned: bool) -> tuple[NDArray[np.float64], bool]:
    """How a picture is seen: what its places, 0..1, are multiplied by and moved by [2, 3]; whether it is mirrored."""
    zoom = np.exp(rng.uniform(-_ZOOM, _ZOOM) + rng.normal(0, _STRETCH, 2))
    angle = 0.0 if not turned else rng.uniform(-np.pi, np.pi) if rng.random() < _ANY_TURN else rng.normal(0, _TURN)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag(zoom)
    matrix = np.column_stack([linear, turn @ rng.uniform(-_SHIFT, _SHIFT, 2) + 0.5 - 0.5 * linear.sum(axis=1)])
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
