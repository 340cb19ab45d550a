"""Ctrl-C while ONNX Runtime is at work: it asks nobody, and some models take minutes to load, or for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Outcome = TypeVar("_Outcome")

# How long a wait that no signal can break may last (Windows).
_WAKE_SECONDS = 0.2
_GOODBYE_SECONDS = 2.0


def call_interruptibly(function: Callable[[], _Outcome], *, cancel: Callable[[], object]) -> _Outcome:
    """Call a function; on the main thread, where signals arrive, wait for it in a way that Ctrl-C can break.

    Args:
        function: The function, which is called on a thread of its own.
        cancel: Asks the function to end, once the wait is broken; one that does not listen is left behind.

    Raises:
        BaseException: Whatever the function raises.
        KeyboardInterrupt: Ctrl-C came first; or what else a signal handler raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    call = _Call(function)
    threading.Thread(target=call.run, name="framestream-load", daemon=True).start()
    try:
        while not call.done.wait(_WAKE_SECONDS):
            pass
    except BaseException:  # whatever a signal handler raises
        cancel()
        # ONNX Runtime must not be at work while the program ends around it.
        call.done.wait(_GOODBYE_SECONDS)
        raise
    return call.outcome()


class _Call(Generic[_Outcome]):
    """One call of a function, and what became of it."""

    def __init__(self, function: Callable[[], _Outcome]) -> None:
        self.done = threading.Event()
        self._function = function
        self._values: list[_Outcome] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._values.append(self._function())
        except BaseException as error:  # the thread's boundary: raised again by `outcome`
            self._error = error
        finally:
            self.done.set()

    def outcome(self) -> _Outcome:
        error, self._error = self._error, None
        if error is None:
            return self._values[0]
        try:
            raise error
        finally:
            # Its traceback holds this frame; together they would wait for the garbage collector.
            del error
