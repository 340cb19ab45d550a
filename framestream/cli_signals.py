"""Ctrl-C and SIGHUP, for commands that run for long."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Protocol

from framestream.readahead import StopFlag


class Stoppable(Protocol):
    """What can be asked to finish by a signal handler."""

    def stop(self) -> None:
        """Ask it to finish; takes no lock."""
        ...


@contextmanager
def stop_on_interrupt(watch: Stoppable) -> Iterator[StopFlag]:
    """Let Ctrl-C stop a watch in good order, and set the flag; a second one ends the process at once."""
    interrupted = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        # Python allows signal handlers in the main thread only, and Ctrl-C arrives there.
        yield interrupted
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Whoever started this (nohup, a shell's background job) wants it to go on.
        yield interrupted
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        interrupted.set()
        watch.stop()

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def hangup_ignored() -> Iterator[None]:
    """Ignore SIGHUP: before a file is read for the first time, a request to read it again is as good as done."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, previous)


@contextmanager
def call_on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call a function, on a thread of its own, whenever SIGHUP arrives; where there is no such signal, never."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    # A handler runs in the middle of whatever the main thread does, so all it may do is to pass the word.
    requests: SimpleQueue[bool] = SimpleQueue()

    def serve() -> None:
        while requests.get():
            reload()

    def pass_on(number: int, frame: FrameType | None) -> None:
        del number, frame
        requests.put(True)

    server = threading.Thread(target=serve, name="framestream-reload", daemon=True)
    server.start()
    previous = signal.signal(signal.SIGHUP, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, previous)
        requests.put(False)
        server.join()
