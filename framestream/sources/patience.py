"""Waiting for a file to answer before a library is asked to open it.

OpenCV opens one file at a time in a process. Whoever gives it a pipe that nobody writes to, or a file on a disk that
is gone, holds up all others; so the waiting is done here, where it holds up nobody.
"""

from __future__ import annotations

import os
import select
from pathlib import Path


def await_file(path: Path) -> None:
    """Return once a file has given its first byte, or is empty.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.read(1)


def open_pipe(path: Path) -> int | None:
    """Wait until something is written to a named pipe; return its descriptor, to be closed by the caller.

    Returns:
        A descriptor that reads from the first byte on; None where the system cannot wait for pipes (Windows).

    Raises:
        OSError: The pipe cannot be read.
    """
    if not hasattr(select, "poll"):
        return None
    # Without this flag opening itself would wait for somebody who writes, and have to be done by the library.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
