"""Ctrl-C, SIGTERM and SIGHUP, for commands that run for long."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from queue import SimpleQueue
from types import FrameType
from typing import ParamSpec, Protocol, TypeVar

from click.exceptions import Exit

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)

_JOIN_SECONDS = 1.0


class Stoppable(Protocol):
    """A task that a signal handler can ask to finish."""

    def stop(self) -> None:
        """Ask the task to finish; takes no lock."""
        ...


class Interruption:
    """The first signal that asked a command to end, if one did."""

    def __init__(self) -> None:
        """Make an interruption that no signal has asked for yet."""
        self._number: int | None = None

    def set(self, number: int) -> None:
        """Note a signal; takes no lock, and the first one counts."""
        if self._number is None:
            self._number = number

    def __bool__(self) -> bool:
        """Return whether a signal has asked the command to end."""
        return self._number is not None

    @property
    def exit_code(self) -> int:
        """The exit code of a process that the signal ended: 130 for Ctrl-C, 143 for SIGTERM; 0 without a signal."""
        return 0 if self._number is None else 128 + self._number


@contextmanager
def stop_on_interrupt(
    watch: Stoppable, *, also: Callable[[int], object] = lambda number: None
) -> Iterator[Interruption]:
    """Let Ctrl-C and SIGTERM stop a watch in good order, and tell of it; a second one ends the process at once.

    Args:
        watch: The task to stop.
        also: Called with the signal's number as well; may take no lock.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        # Python allows signal handlers in the main thread only, and signals arrive there.
        yield interruption
        return
    # Whoever has one ignored (nohup, a shell's background job) wants it to go on.
    heeded = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        for each in heeded:
            signal.signal(each, signal.SIG_DFL)
        interruption.set(number)
        watch.stop()
        also(number)

    previous = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interruptible(command: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Let SIGTERM, and SIGHUP as of a closed terminal, interrupt a command as Ctrl-C does; a second ends it at once.

    The exit code is that of a process which the signal ended: 143, 129.
    """

    @wraps(command)
    def run(*arguments: _Params.args, **options: _Params.kwargs) -> _Result:
        with _interrupt_on_termination() as interruption:
            try:
                return command(*arguments, **options)
            except (KeyboardInterrupt, OSError):  # with the terminal, stderr may be gone
                if not interruption:
                    raise
                raise Exit(interruption.exit_code) from None

    return run


@contextmanager
def _interrupt_on_termination() -> Iterator[Interruption]:
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # Whoever has one ignored (nohup) wants it to go on.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        for each in heeded:
            signal.signal(each, signal.SIG_DFL)
        interruption.set(number)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


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
            try:
                reload()
            except Exception as error:  # the thread's boundary: the next SIGHUP finds it here
                _log.warning("SIGHUP could not be followed to the end (%s)", type(error).__name__)

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
        # One that waits for a file on a disk that does not answer is left behind.
        server.join(_JOIN_SECONDS)
