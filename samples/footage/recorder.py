"""Writing footage: video files, a training manifest, a film's timeline beside it."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.direction import LYING, SEATED, STANDING, Segment
from footage.drawing import Canvas
from footage.motions import BACKGROUND, LABELS
from footage.pairs import PAIRS, Pair, draw_pair
from footage.scenes import Scene, draw_empty_scene, draw_scene, draw_script
from footage.skeleton import COCO_JOINTS

#: VP8 in WebM: what OpenCV's wheels can write, OpenCV can read and every browser plays.
SUFFIX = ".webm"
#: Without loss: a frame comes back the same, whatever comes before it.
LOSSLESS_SUFFIX = ".avi"
#: Beside a shot: where the joints of the person are in each of its frames.
JOINTS_SUFFIX = ".joints.npy"
_FOURCC = {SUFFIX: "VP80", LOSSLESS_SUFFIX: "FFV1"}
_RATES = (10.0, 12.0, 15.0)
#: Of pairs: the rate at which models see films unless told otherwise, so that they see the same frames both ways round.
_PAIR_RATE = 12.5
#: Which of every fourteen shots are kept out of training.
_SPLITS = {6: "validation", 13: "test"}
#: Of so many shots the last is empty of people.
EMPTY_SHOTS = 11
#: Of every four clips of people who do nothing; the last is without people.
_CLIP_POSTURES = (STANDING, SEATED, LYING, STANDING)
_Job = TypeVar("_Job")
_Made = TypeVar("_Made")
MANIFEST_COLUMNS = ("path", "label", "start", "end", "split", "group")


@dataclass(frozen=True, slots=True)
class Recording:
    """A video file that was written, relative to its manifest, and what happens in it."""

    path: str
    segments: tuple[Segment, ...]
    whole: bool
    split: str = ""
    group: str = ""


def write_video(path: Path, frames: Iterable[Canvas], *, rate: float) -> int:
    """Write frames (uint8 BGR `[height, width, 3]`) to a WebM file, or, as the name says, a lossless AVI.

    Returns:
        The number of frames written.

    Raises:
        OSError: The file cannot be written.
    """
    writer: cv2.VideoWriter | None = None
    fourcc = _FOURCC[path.suffix]
    count = 0
    for frame in frames:
        if writer is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            size_wh = (frame.shape[1], frame.shape[0])
            with _hushed():
                writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), rate, size_wh)
            if not writer.isOpened():
                raise OSError(f"{path}: OpenCV cannot write {fourcc} video here")
        writer.write(frame)
        count += 1
    if writer is not None:
        writer.release()
    return count


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep from stderr what OpenCV says of every WebM file, for no reason: that the tag VP80 "is not supported"."""
    try:
        before = os.dup(2)
    except OSError:  # closed already
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def write_joints(path: Path, scene: Scene, *, rate: float) -> None:
    """Write where the joints of the main person are in each frame of a scene, also those out of sight.

    A NumPy file, float32 `[frames, 17, 2]`: x and y of `COCO_JOINTS`, 0..1 of the picture; NaN without a person.
    """
    np.save(path, true_joints(scene, rate=rate))


def true_joints(scene: Scene, *, rate: float) -> NDArray[np.float32]:
    """The joints of `write_joints`, float32 `[frames, 17, 2]`; nothing is drawn for them."""
    count = scene.frame_count(rate)
    joints = np.full((count, len(COCO_JOINTS), 2), np.nan, np.float32)
    for number in range(count):
        landmarks = scene.landmarks(number / rate, COCO_JOINTS)
        if landmarks is not None:
            joints[number] = landmarks / np.array(scene.camera.size_wh)
    return joints


def write_timeline(path: Path, segments: Iterable[Segment]) -> None:
    """Write a film's ground truth: `start,end,label`, seconds, one row a segment."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("start", "end", "label"))
        rows.writerows((f"{part.start:.3f}", f"{part.end:.3f}", part.label) for part in segments)


def write_manifest(path: Path, recordings: Iterable[Recording]) -> None:
    """Write `path,label,start,end,split,group`; a clip that is one label throughout has no times."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(MANIFEST_COLUMNS)
        for recording in recordings:
            for part in recording.segments:
                times = ("", "") if recording.whole else (f"{part.start:.3f}", f"{part.end:.3f}")
                group = recording.group or Path(recording.path).stem
                rows.writerow((recording.path, part.label, *times, recording.split, group))


def record_clip(folder: Path, seed: int, job: tuple[str, int]) -> Recording:
    """Render one trimmed clip, `label/label-NNNN.webm`, from `(seed, label, number)`."""
    label, number = job
    rng = np.random.default_rng([seed, LABELS.index(label), number])
    name = f"{label}/{label}-{number:04d}{SUFFIX}"
    if label == BACKGROUND and number % 4 == 3:
        scene = draw_empty_scene(rng, seconds=3.0)
    else:
        scene = draw_scene(rng, [label], posture=_CLIP_POSTURES[number % 4] if label == BACKGROUND else STANDING)
    write_video(folder / name, scene.frames(15.0), rate=15.0)
    return Recording(name, (Segment(0.0, scene.performance.seconds, label),), whole=True)


def record_shot(folder: Path, seed: int, number: int) -> Recording:
    """Render one untrimmed shot of two to four motions, `shots/shot-NNNNN.webm`; every eleventh is empty of people.

    Where the person's joints are is written beside it, `shots/shot-NNNNN.joints.npy`; see `write_joints`.
    """
    scene, rng = draw_shot(seed, number)
    name = f"shots/shot-{number:05d}{SUFFIX}"
    rate = float(rng.choice(_RATES))
    write_video(folder / name, scene.frames(rate), rate=rate)
    write_joints((folder / name).with_suffix(JOINTS_SUFFIX), scene, rate=rate)
    return Recording(name, scene.segments, whole=False, split=_SPLITS.get(number % 14, "train"))


def draw_shot(seed: int, number: int) -> tuple[Scene, np.random.Generator]:
    """The scene of a shot, from `(seed, number)`, and what chance is left for the rest of it."""
    rng = np.random.default_rng([seed, 1000, number])
    large = (320, 240) if rng.random() < 0.06 else None
    if number % EMPTY_SHOTS == EMPTY_SHOTS - 1:
        return draw_empty_scene(rng, seconds=7.0, size_wh=large), rng
    labels, posture = draw_script(rng, int(rng.integers(2, 5)))
    return draw_scene(rng, labels, posture=posture, size_wh=large), rng


def record_pair(folder: Path, seed: int, job: tuple[Pair, int]) -> tuple[Recording, Recording]:
    """Render one performance and write it forwards and backwards, `label/label-NNNN.avi` each, one group."""
    pair, number = job
    scene = draw_pair(np.random.default_rng([seed, 3000 + PAIRS.index(pair), number]), pair)
    frames = list(scene.frames(_PAIR_RATE))
    group = f"{pair[0]}-{number:04d}"
    forwards, backwards = (
        Recording(
            f"{label}/{label}-{number:04d}{LOSSLESS_SUFFIX}",
            (Segment(0.0, scene.performance.seconds, label),),
            whole=True,
            group=group,
        )
        for label in pair
    )
    write_video(folder / forwards.path, frames, rate=_PAIR_RATE)
    write_video(folder / backwards.path, reversed(frames), rate=_PAIR_RATE)
    return forwards, backwards


def record_clips(
    folder: Path, *, labels: Iterable[str], per_class: int, seed: int, jobs: int = 1
) -> Iterator[Recording]:
    """Render `per_class` clips of each label into class folders."""
    todo = [(label, number) for label in labels for number in range(per_class)]
    yield from spread(partial(record_clip, folder, seed), todo, jobs)


def record_shots(folder: Path, *, count: int, seed: int, jobs: int = 1) -> Iterator[Recording]:
    """Render `count` untrimmed shots."""
    yield from spread(partial(record_shot, folder, seed), list(range(count)), jobs)


def record_pairs(
    folder: Path, *, pairs: Iterable[Pair], per_class: int, seed: int, jobs: int = 1
) -> Iterator[Recording]:
    """Render `per_class` performances of each pair of labels that only the order of frames tells apart."""
    todo = [(pair, number) for pair in pairs for number in range(per_class)]
    for both in spread(partial(record_pair, folder, seed), todo, jobs):
        yield from both


def record_film(path: Path, scene: Scene, *, rate: float = 25.0) -> int:
    """Render a whole scene as a film with its timeline `NAME.csv` beside it; gives the number of frames."""
    written = write_video(path, scene.frames(rate), rate=rate)
    write_timeline(path.with_suffix(".csv"), scene.segments)
    return written


def spread(work: Callable[[_Job], _Made], todo: list[_Job], jobs: int) -> Iterator[_Made]:
    """Results of `work` on each of `todo`, in order, from so many processes."""
    if jobs <= 1:
        yield from map(work, todo)
        return
    with ProcessPoolExecutor(jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(work, todo, chunksize=4)
