"""Feeds and sources for tests of the pipeline that need to decide what arrives, and when."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framestream.feeds.feed import Closed, Inbox, Opened
from framestream.frames import SourceInfo
from framestream.sampling.sampler import Sample, SamplingCounts

Frame = tuple[float, NDArray[np.uint8]]


class HandFeed:
    """A `Feed` without a thread: the test puts what it wants."""

    def __init__(self, *, live: bool = True) -> None:
        self.inbox: Inbox | None = None
        self.live = live
        self.stopped = False
        self.counts = SamplingCounts()

    def start(self, inbox: Inbox) -> None:
        self.inbox = inbox
        inbox.put(Opened(SourceInfo(name="hand", size_wh=(8, 8), live=self.live)), arrived_seconds=0.0)

    def stop(self) -> None:
        self.stopped = True
        self.end()

    def join(self) -> None:
        pass

    def sample(self, image: NDArray[np.uint8], pts_seconds: float, *, arrived_seconds: float) -> None:
        assert self.inbox is not None
        self.counts.read += 1
        self.counts.sampled += 1
        self.inbox.put(Sample(image, pts_seconds), arrived_seconds=arrived_seconds, counts=self.counts)

    def end(self) -> None:
        assert self.inbox is not None
        self.inbox.put(Closed(self.counts), arrived_seconds=0.0)


class EndlessSource:
    """A `FrameSource` that repeats one image at a rate of its own time, as fast as it is read, until it is closed."""

    def __init__(self, image: NDArray[np.uint8], *, fps: float = 10.0, live: bool = False) -> None:
        self._image = image
        self._fps = fps
        self._index = -1
        self._info = SourceInfo(name="endless", size_wh=(image.shape[1], image.shape[0]), live=live)
        self.closed = False

    @property
    def info(self) -> SourceInfo:
        return self._info

    def grab(self) -> float | None:
        self._index += 1
        return None if self.closed else self._index / self._fps

    def retrieve(self) -> NDArray[np.uint8]:
        return self._image

    def close(self) -> None:
        self.closed = True


class BlockedSource(EndlessSource):
    """Gives some frames and then nothing, not even an end, until the test lets it go."""

    def __init__(self, image: NDArray[np.uint8], *, frames: int) -> None:
        super().__init__(image)
        self._frames = frames
        self.blocking = threading.Event()
        self.release = threading.Event()

    def grab(self) -> float | None:
        if self._index + 1 >= self._frames:
            self.blocking.set()
            self.release.wait(30)
            return None
        return super().grab()


def timed(images: Sequence[NDArray[np.uint8]], *, fps: float = 10.0, start: float = 0.0) -> list[Frame]:
    """Give images timestamps."""
    return [(start + index / fps, image) for index, image in enumerate(images)]
