"""The reader process: connects to one camera, samples it and writes the samples to standard output.

OpenCV and FFmpeg may block for ever, leak, or crash on what a camera sends; here that costs one connection and not the
program. The process gets its job as one line on standard input, loads what it needs for that, says so, and waits for
an empty line, which may come long after, before it connects. It ends when standard input closes, so it cannot outlive
the program that started it.

This module imports nothing that takes time; `framestream.feeds.live.reader.reading` does the work.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time

# How long the camera may take for a goodbye before the process ends without.
_GOODBYE_SECONDS = 0.4
# How often to ask whether the parent lives.
_PARENT_SECONDS = 2.0
# A third of the weight of other processes.
_LOADING_NICENESS = 5


def main() -> None:
    """Do the job that standard input describes. Never returns."""
    # The terminal's Ctrl-C and a service manager's SIGTERM are for the program; it ends this process through the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Standard output is kept for messages alone: whatever a library prints there goes to standard error instead.
    outlet = os.dup(1)
    os.dup2(2, 1)
    parent = os.getppid()
    line = _read_line(parent)
    loading = threading.Thread(target=_load, args=(line,))
    loading.start()
    loading.join()
    from framestream.feeds.live.reader.reading import read_camera, say_ready

    stop = threading.Event()
    try:
        say_ready(outlet)
        _read_line(parent)
        threading.Thread(target=_end_with_parent, args=(parent, stop), daemon=True).start()
        read_camera(line, outlet, stop)
    except BrokenPipeError:
        pass  # Nobody reads any more: the end of the process is what was asked for.
    # Python's own shutdown would wait for the thread that reads standard input.
    os._exit(0)


def _load(line: bytes) -> None:
    """Load the libraries for a job, on a thread with less priority than cameras that run; it cannot be raised again."""
    if sys.platform == "linux":
        # Linux gives each thread a niceness of its own; 0 is the one that asks.
        os.setpriority(os.PRIO_PROCESS, 0, _LOADING_NICENESS)
    from framestream.feeds.live.reader.reading import load_decoder

    load_decoder(line)


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
