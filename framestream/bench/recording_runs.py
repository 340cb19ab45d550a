"""Many recordings as fast as they go, against one that is as long as all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framestream.bench.bench_report import Ratio, Target
from framestream.bench.synthetic_footage import CAMERA_SIZE_WH, ImagesInMemory, render_images
from framestream.bench.timing import Spread
from framestream.classifier import Classifier
from framestream.cores import usable_cores
from framestream.frames import Image

_IMAGES = 30


@dataclass(frozen=True, slots=True)
class _WatchCost:
    """Time that it took to watch some recordings to their end."""

    cameras: int
    wall_seconds: float
    cpu_seconds: float


def measure_throughput(classifier: Classifier, *, cameras: int, frames: int, rounds: int) -> Ratio:
    """Run recordings in memory through the pipeline: many of `frames` each, and one as long as all, in turns."""
    images = render_images(_IMAGES, size_wh=CAMERA_SIZE_WH)
    _run(classifier, images, cameras=1, frames=frames)
    of_many: list[_WatchCost] = []
    of_one: list[_WatchCost] = []
    for turn in range(rounds):
        # Whoever comes first changes from turn to turn.
        for runs, count in ((of_many, cameras), (of_one, 1))[:: -1 if turn % 2 else 1]:
            runs.append(_run(classifier, images, cameras=count, frames=cameras * frames // count))
    spread = Spread.of([one.wall_seconds / many.wall_seconds for one, many in zip(of_one, of_many, strict=True)])
    target = Target("at least", 1.0)
    return Ratio(
        f"pipeline_throughput_of_{cameras}_cameras_over_one",
        spread,
        f"camera frames per second of {cameras} recordings in memory, through the whole pipeline / of one",
        target,
        "" if target.holds(spread.median) else _explain(of_one, of_many, cameras * frames),
    )


def _run(classifier: Classifier, images: Sequence[Image], *, cameras: int, frames: int) -> _WatchCost:
    rate = classifier.spec.frame_rate
    sources = {f"camera-{index}": ImagesInMemory(images, rate=rate, count=frames) for index in range(cameras)}
    began, cpu_began = time.perf_counter(), time.process_time()
    with classifier.watch_many(sources) as watch:
        for _ in watch:
            pass
    return _WatchCost(cameras, time.perf_counter() - began, time.process_time() - cpu_began)


def _explain(of_one: Sequence[_WatchCost], of_many: Sequence[_WatchCost], frames: int) -> str:
    """Say what one recording takes of the machine, and what many take."""
    texts = []
    for runs in (of_one, of_many):
        cpu_seconds = float(np.median([run.cpu_seconds for run in runs]))
        busy = float(np.median([run.cpu_seconds / run.wall_seconds for run in runs]))
        recordings = "one recording takes" if runs[0].cameras == 1 else f"{runs[0].cameras} take"
        milliseconds = 1000 * cpu_seconds / frames
        texts.append(f"{recordings} {milliseconds:.2f} ms of processor time a frame and {busy:.2f} cores")
    return f"{', '.join(texts)}; there are {usable_cores()} cores"
