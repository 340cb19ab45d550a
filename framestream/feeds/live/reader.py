"""The reader process: connects to one camera, samples it and writes the samples to standard output.

OpenCV and FFmpeg may block for ever, leak, or crash on what a camera sends; here that costs one connection and not the
program. The process gets its job as one line on standard input, which may come long after its start, and ends
when that closes, so it cannot outlive the program that started it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

import cv2

from framestream.errors import FrameStreamError, SourceError
from framestream.feeds.live.capture import ExcessivePictureError, LiveCapture
from framestream.feeds.live.certificates import CertificateError
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
from framestream.sampling.clock import SamplingClock
from framestream.sampling.sampler import Sampler
from framestream.sampling.zones import prepare_for

HEARTBEAT_SECONDS = 0.5
# OpenCV's code of an allocation that failed.
_NO_MEMORY = -4
# How long the camera may take for a goodbye before the process ends without.
_GOODBYE_SECONDS = 0.4
# How often to ask whether the parent lives.
_PARENT_SECONDS = 2.0


def main() -> None:
    """Do the job that standard input describes. Never returns."""
    # The terminal's Ctrl-C and a service manager's SIGTERM are for the program; it ends this process through the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    outlet = _Outlet()
    cv2.setNumThreads(1)
    parent = os.getppid()
    job = ReaderJob.from_line(_read_line(parent))
    stop = threading.Event()
    threading.Thread(target=_end_with_parent, args=(parent, stop), daemon=True).start()
    outlet.send(Ready())
    try:
        _limit_memory(job.memory_bytes)
        outlet.send(_read_camera(job, outlet, stop))
    except BrokenPipeError:
        pass  # Nobody reads any more: the end of the process is what was asked for.
    except ExcessivePictureError as error:
        outlet.send(Finished("too large", str(error)))
    except MemoryError:
        outlet.send(Finished("no memory"))
    except Exception as error:  # the process's boundary: the other side reports it
        # Only our own messages are known to be free of credentials.
        reason = str(error) if isinstance(error, FrameStreamError) else type(error).__name__
        is_memory = isinstance(error, cv2.error) and error.code == _NO_MEMORY
        outlet.send(Finished("no memory") if is_memory else Finished("failed", reason))
    # Python's own shutdown would wait for the thread that reads standard input.
    os._exit(0)


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


def _read_camera(job: ReaderJob, outlet: _Outlet, stop: threading.Event) -> Finished:
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
    """Standard output, kept for messages alone: whatever a library prints there goes to standard error instead."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def send(self, message: Message) -> None:
        rest = memoryview(encode(message))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _read_line(parent: int) -> bytes:
    # Byte by byte and without a buffer: another thread waits at the same descriptor later.
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = _read_input(parent, 1)
        if not chunk:
            os._exit(0)
        line += chunk
    return bytes(line)


def _read_input(parent: int, size: int) -> bytes:
    """Wait for standard input; return nothing once the program has closed it, or has ended."""
    # A worker that the program has forked may hold the other end open, hence the second question.
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _PARENT_SECONDS)
        if readable:
            return os.read(0, size)
    return b""


def _end_with_parent(parent: int, stop: threading.Event) -> None:
    while _read_input(parent, 4096):
        pass
    stop.set()
    # A read that blocks must not hold up the end.
    time.sleep(_GOODBYE_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
