"""Files of features from true joints: shots that nobody draws, as `framestream embed` would have encoded them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.direction import Segment
from footage.recorder import EMPTY_SHOTS, JOINTS_SUFFIX, Recording, draw_shot, spread, true_joints
from framestream.errors import DataError
from framestream_export.data.feature_files import RecordedFeatures, read_features, write_features
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.feature_table import check_one_maker
from framestream_export.data.footage import FEATURES_SUFFIX
from joint_footage.network_errors import NetworkErrors

FIRST_NUMBER = 100_000
"""Of shots that are not drawn; those that are drawn have smaller ones, so that no seed gives one shot both ways."""
_LEAST_FRAMES = 20


def read_errors(shots: Path, embedded: Path) -> tuple[FeatureMaker, list[NetworkErrors]]:
    """The errors of a pose network in the shots that a model may learn from, one of each shot with a person.

    Args:
        shots: Folder that `render.py shots` wrote.
        embedded: Folder that `framestream embed` made of it.

    Raises:
        DataError: A file is missing, is of another encoder than the others, or not of joints; or no shot is left.
        UnreadableSourceError: A file of features cannot be read.
    """
    found: list[NetworkErrors] = []
    first: tuple[Path, FeatureMaker] | None = None
    for name in _training_files(embedded / "manifest.csv"):
        recorded = read_features(embedded / name)
        first = first or (embedded / name, recorded.maker)
        check_one_maker(first, (embedded / name, recorded.maker))
        if not recorded.maker.keypoints:
            raise DataError(f"{embedded / name} was made by {recorded.maker}, which finds no joints; embed with people")
        true = _true_joints_at(shots / name.removesuffix(FEATURES_SUFFIX), recorded.pts_seconds)
        if len(true) >= _LEAST_FRAMES and not np.isnan(true).any():
            found.append(NetworkErrors.between(recorded.features.reshape(len(true), -1, 3), true))
    if first is None or not found:
        raise DataError(f"{embedded} has no shot with a person to learn from; embed what render.py shots wrote")
    return first[1], found


def record_joints(
    folder: Path, *, count: int, seed: int, errors: Sequence[NetworkErrors], maker: FeatureMaker, jobs: int = 1
) -> Iterator[Recording]:
    """Write `joints/shot-NNNNNN.npz`: true joints of shots with a person, with errors of a pose network.

    Args:
        folder: Folder of the manifest.
        count: How many to write.
        seed: The seed of the shots.
        errors: Errors to choose from, as `read_errors` gives them.
        maker: The pose network whose errors they are.
        jobs: Processes to use.
    """
    numbers = list(islice(_numbers_with_a_person(), count))
    draw = partial(draw_joints, seed, maker.frame_rate)
    for number, (true, segments) in zip(numbers, spread(draw, numbers, jobs), strict=True):
        rng = np.random.default_rng([seed, 4000, number])
        said = errors[int(rng.integers(len(errors)))].lay_over(true, rng)
        name = f"joints/shot-{number:06d}{FEATURES_SUFFIX}"
        times = np.arange(len(true)) / maker.frame_rate
        source = f"shot {number} of seed {seed}, not drawn"
        write_features(folder / name, RecordedFeatures(maker, said.reshape(len(true), -1), times, (len(true),), source))
        yield Recording(name, segments, whole=False, split="train")


def draw_joints(seed: int, rate: float, number: int) -> tuple[NDArray[np.float32], tuple[Segment, ...]]:
    """True joints of a shot, float32 [N, 17, 2], and what happens in it; no picture is drawn."""
    scene, _ = draw_shot(seed, number)
    return true_joints(scene, rate=rate), scene.segments


def _numbers_with_a_person() -> Iterator[int]:
    return (number for number in count(FIRST_NUMBER) if number % EMPTY_SHOTS != EMPTY_SHOTS - 1)


def _training_files(manifest: Path) -> list[str]:
    """The files that a manifest lists for training, or for no split, in order."""
    if not manifest.is_file():
        raise DataError(f"no {manifest}; make it with: framestream embed SHOTS --output {manifest.parent}")
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["path"] for row in csv.DictReader(file) if row["split"] in ("", "train")))


def _true_joints_at(film: Path, pts_seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Where the joints are at some times of a shot: float32 [N, 17, 2], NaN without a person."""
    path = film.with_suffix(JOINTS_SUFFIX)
    if not (path.is_file() and film.is_file()):
        raise DataError(f"no {film}, or no {path.name} beside it; give the folder of render.py shots that was embedded")
    true: NDArray[np.float32] = np.load(path, allow_pickle=False)
    capture = cv2.VideoCapture(str(film))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return true[np.clip(np.rint(pts_seconds * rate).astype(np.int64), 0, len(true) - 1)]
