"""Programs that are packed with their Python into one (PyInstaller and the like), and so read cameras by themselves."""

from __future__ import annotations

import sys

from framestream.interpreter import is_frozen

_READER_ARGUMENT = "--framestream-reader"


class _Support:
    """Whether this program has said that it can be started as a reader.

    Attributes:
        is_given: Whether `freeze_support` was called.
    """

    is_given = False


def freeze_support() -> None:
    """Let a frozen program read cameras: to be called first in its main module, before anything else happens there.

    FrameStream starts the program a second time for each camera, with an argument of its own; then this function does
    the reading and never returns. Everywhere else, and in programs that are not frozen, it does nothing::

        if __name__ == "__main__":
            framestream.freeze_support()
            ...
    """
    if not is_frozen():
        return
    if sys.argv[1:] == [_READER_ARGUMENT]:
        from framestream.feeds.live.reader.program import main

        main()
    _Support.is_given = True


def own_reader_command() -> list[str] | None:
    """Return the command with which this program reads a camera; None if it is not frozen, or cannot."""
    return [sys.executable, _READER_ARGUMENT] if _Support.is_given and sys.executable else None
