"""Pictures pushed from memory in real time, as by a program that has them already; and a camera that sends nothing."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from framestream.bench.bench_report import CamerasFigures, IdleFigures, Target
from framestream.bench.synthetic_footage import CAMERA_RATE, CAMERA_SIZE_WH, ImagesInMemory, render_images
from framestream.bench.timing import Timings
from framestream.classifier import Classifier
from framestream.cores import usable_cores
from framestream.frames import Image, SourceInfo
from framestream.records import End, Prediction
from framestream.sampling.clock import TICK_TOLERANCE_SECONDS
from framestream.sources.pushed import PushedFrames

STALENESS_TARGET_MS = 250.0
IDLE_TARGET = 0.05
_IMAGES = 30
_PREDICTION_SECONDS = 10.0


class PacedImages:
    """A camera: images in memory that come at their times and not before; a live `FrameSource`."""

    def __init__(self, images: Sequence[Image], *, rate: float, count: int, delay_seconds: float) -> None:
        """Make a camera of `count` frames that starts `delay_seconds` after it is first read."""
        self._images = ImagesInMemory(images, rate=rate, count=count)
        info = self._images.info
        self._info = SourceInfo(name="paced images", size_wh=info.size_wh, declared_fps=rate, live=True)
        self._rate = rate
        self._delay_seconds = delay_seconds
        self._begin_seconds: float | None = None
        self._interrupted = threading.Event()

    @property
    def info(self) -> SourceInfo:
        """Size and rate of the camera, which is live."""
        return self._info

    def grab(self) -> float | None:
        """Wait until the next frame is due; return its timestamp."""
        if self._begin_seconds is None:
            self._begin_seconds = time.monotonic() + self._delay_seconds
        pts_seconds = self._images.grab()
        if pts_seconds is None:
            return None
        wait_seconds = self._begin_seconds + pts_seconds - time.monotonic()
        return None if self._interrupted.wait(max(0.0, wait_seconds)) else pts_seconds

    def retrieve(self) -> Image:
        """Return the frame grabbed last."""
        return self._images.retrieve()

    def interrupt(self) -> None:
        """End the wait for the next frame."""
        self._interrupted.set()

    def close(self) -> None:
        """Close the camera, which gives no more frames."""
        self._interrupted.set()
        self._images.close()

    def staleness_seconds(self, tick_seconds: float, now_seconds: float) -> float:
        """Return how long ago the frame was due that serves a tick of the model's clock."""
        assert self._begin_seconds is not None
        index = math.ceil((tick_seconds - TICK_TOLERANCE_SECONDS) * self._rate)
        return now_seconds - self._begin_seconds - index / self._rate


def measure_pictures(classifier: Classifier, *, cameras: int, seconds: float) -> CamerasFigures:
    """Push pictures from memory, as many as cameras send: they are scaled and run, but nothing is read or decoded."""
    images = render_images(_IMAGES, size_wh=CAMERA_SIZE_WH)
    # Long enough for a window to fill and for some predictions after that.
    count = math.ceil(CAMERA_RATE * (seconds + classifier.spec.window_seconds))
    # Cameras have no common clock.
    sources = {
        f"camera-{index}": PacedImages(
            images, rate=CAMERA_RATE, count=count, delay_seconds=index / cameras / CAMERA_RATE
        )
        for index in range(cameras)
    }
    staleness: list[float] = []
    ends: list[End] = []
    began, cpu_began = time.monotonic(), time.process_time()
    with classifier.watch_many(sources) as watch:
        for record in watch:
            if isinstance(record, Prediction) and record.camera is not None:
                now = time.monotonic()
                staleness.append(sources[record.camera].staleness_seconds(record.pts_seconds, now))
            elif isinstance(record, End):
                ends.append(record)
    wall_seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
    dropped: Counter[str] = Counter()
    for end in ends:
        dropped.update(end.dropped)
    facts: dict[str, Any] = {
        "size_wh": list(CAMERA_SIZE_WH),
        "rate": CAMERA_RATE,
        "seconds": wall_seconds,
        "frames_read": sum(end.frames_read for end in ends),
        "frames_sampled": sum(end.frames_sampled for end in ends),
        "frames_skipped": sum(end.frames_skipped for end in ends),
        "predictions": len(staleness),
        "dropped": dict(dropped),
        "cores_used": cpu_seconds / wall_seconds,
    }
    timings = Timings.of(staleness)
    falls_short = bool(dropped) or timings.p95_ms > STALENESS_TARGET_MS
    reason = _explain(facts) if falls_short else ""
    return CamerasFigures(cameras, facts, timings, STALENESS_TARGET_MS, reason)


def measure_idle(classifier: Classifier, *, seconds: float) -> IdleFigures:
    """Let one camera run until it has a prediction, pause it, and see what the process still takes."""
    spec = classifier.spec
    image = render_images(1, size_wh=CAMERA_SIZE_WH)[0]
    predicted = threading.Event()
    camera = PushedFrames(size_wh=CAMERA_SIZE_WH, name="paused", live=True)
    with classifier.watch_many({"paused": camera}) as watch:

        def consume() -> None:
            for record in watch:
                if isinstance(record, Prediction):
                    predicted.set()

        consumer = threading.Thread(target=consume, name="framestream-bench-consumer")
        consumer.start()
        try:
            deadline, index = time.monotonic() + _PREDICTION_SECONDS, 0
            while not predicted.is_set() and time.monotonic() < deadline:
                camera.push(image, pts_seconds=index / spec.frame_rate)
                index += 1
                predicted.wait(0.01)
            # What is under way ends, and threads that spin for a moment come to rest.
            time.sleep(0.5)
            cpu_began, began = time.process_time(), time.monotonic()
            time.sleep(seconds)
            share = (time.process_time() - cpu_began) / (time.monotonic() - began)
        finally:
            camera.end()
            watch.stop()
            consumer.join()
    return IdleFigures(seconds, share, Target("at most", IDLE_TARGET))


def _explain(facts: dict[str, Any]) -> str:
    """Say why cameras in real time had their predictions late or not at all."""
    cores = usable_cores()
    used = facts["cores_used"]
    milliseconds = 1000 * used * facts["seconds"] / max(1, facts["frames_sampled"])
    text = f"each frame the model saw took {milliseconds:.1f} ms of processor time, {used:.2f} of {cores} cores in all"
    if used < 0.9 * cores and hasattr(os, "getloadavg"):
        return f"{text}; other work on this machine (load average {os.getloadavg()[0]:.1f}) took the rest"
    return f"{text}: too much for this machine; use fewer cameras, or a smaller model"
