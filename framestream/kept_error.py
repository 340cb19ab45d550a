"""An error that is raised later than it was caught."""

from __future__ import annotations


class KeptError:
    """Holds an error until whoever should have it asks; empty at first, and again after ``raise_once``."""

    __slots__ = ("_error",)

    def __init__(self) -> None:
        """Hold nothing."""
        self._error: BaseException | None = None

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return self._error is not None

    def keep(self, error: BaseException) -> None:
        """Hold an error, in the place of one that nobody has asked for."""
        self._error = error

    def raise_once(self) -> None:
        """Raise the error and let go of it; do nothing if there is none."""
        error, self._error = self._error, None
        if error is None:
            return
        try:
            raise error
        finally:
            # Its traceback holds this frame; together they would wait for the garbage collector.
            del error
