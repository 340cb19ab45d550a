"""What a reader process does once it is to connect: open one camera, sample it, and send the samples."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from framestream.errors import FrameStreamError, SourceError
from framestream.feeds.live.protocol import (
    Finished,
    Heartbeat,
    Item,
    Message,
    Progress,
    ReaderJob,
    Ready,
    Started,
    encode,
)
from framestream.feeds.live.reader.capture import ExcessivePictureError, LiveCapture
from framestream.feeds.live.reader.certificates import CertificateError
from framestream.feeds.live.reader.stream_opening import stream_opener
from framestream.sampling.clock import SamplingClock
from framestream.sampling.sampler import Sampler
from framestream.sampling.zones import prepare_for

HEARTBEAT_SECONDS = 0.5
# OpenCV's code of an allocation that failed.
_NO_MEMORY = -4


def load_decoder(line: bytes) -> None:
    """Load the library that a job needs."""
    stream_opener(ReaderJob.from_line(line))


def say_ready(outlet: int) -> None:
    """Tell the program that this process could connect now."""
    _Outlet(outlet).send(Ready())


def read_camera(line: bytes, descriptor: int, stop: threading.Event) -> None:
    """Do a job until the stream ends or this is to stop.

    Args:
        line: The job.
        descriptor: Where messages are written.
        stop: Ends it.

    Raises:
        BrokenPipeError: Nobody reads the messages any more.
    """
    job, outlet = ReaderJob.from_line(line), _Outlet(descriptor)
    try:
        _limit_memory(job.memory_bytes)
        outlet.send(_read(job, outlet, stop))
    except BrokenPipeError:
        raise
    except ExcessivePictureError as error:
        outlet.send(Finished("too large", str(error)))
    except MemoryError:
        outlet.send(Finished("no memory"))
    except Exception as error:  # the process's boundary: the other side reports it
        # Only our own messages are known to be free of credentials.
        reason = str(error) if isinstance(error, FrameStreamError) else type(error).__name__
        is_memory = getattr(error, "code", None) == _NO_MEMORY
        outlet.send(Finished("no memory") if is_memory else Finished("failed", reason))


def _limit_memory(limit_bytes: int) -> None:
    """Let allocations fail beyond a limit, where the system can (Linux): a stream may be made to fill the memory."""
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    # Sixth of /proc/self/statm: what the limit is held against, in pages.
    if int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize() >= limit:
        raise MemoryError
    # A crash that is foreseen leaves no gigabyte of a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _read(job: ReaderJob, outlet: _Outlet, stop: threading.Event) -> Finished:
    try:
        capture = LiveCapture(job, pause=stop.wait)
    except CertificateError as error:
        return Finished("not trusted", str(error))
    except ExcessivePictureError as error:
        return Finished("too large", str(error))
    except SourceError as error:
        return Finished("not opened", str(error))
    try:
        outlet.send(Started(capture.info))
        sampler = Sampler(
            SamplingClock(job.frame_rate),
            prepare=prepare_for(job.size_wh, job.zones),
            continuous=True,
            joins_jumps=capture.is_playlist,
        )
        return _Sampling(capture, sampler, outlet).run(stop)
    finally:
        capture.close()


class _Sampling:
    """The loop over one connection's frames."""

    def __init__(self, capture: LiveCapture, sampler: Sampler, outlet: _Outlet) -> None:
        self._capture = capture
        self._sampler = sampler
        self._outlet = outlet
        self._pts_seconds = 0.0

    def run(self, stop: threading.Event) -> Finished:
        sent_seconds = time.monotonic()
        while not stop.is_set():
            pts_seconds = self._capture.grab()
            if pts_seconds is None:
                return Finished("ended", progress=self._progress())
            items = self._sampler.take(pts_seconds, self._capture.retrieve, frames_lost=self._capture.lost_before)
            self._pts_seconds = pts_seconds + self._sampler.shift_seconds
            for item in items:
                self._outlet.send(Item(item, self._progress()))
            now = time.monotonic()
            if not items and now - sent_seconds >= HEARTBEAT_SECONDS:
                self._outlet.send(Heartbeat(self._progress()))
                sent_seconds = now
            elif items:
                sent_seconds = now
            if self._capture.is_behind:
                return Finished("behind", progress=self._progress())
        return Finished("ended", progress=self._progress())

    def _progress(self) -> Progress:
        end_seconds = self._sampler.clock.end_seconds
        return Progress(
            counts=self._sampler.counts,
            pts_seconds=self._pts_seconds,
            end_seconds=self._pts_seconds if end_seconds is None else end_seconds,
            arrived_seconds=self._capture.arrived_seconds,
        )


class _Outlet:
    """Where messages are written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: Message) -> None:
        rest = memoryview(encode(message))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
