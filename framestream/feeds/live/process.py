"""A reader process as its parent sees it: two pipes to read from and one to close."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import subprocess
import sys
import time
from collections import deque
from typing import IO

from framestream.errors import SettingsError
from framestream.feeds.live.frozen import own_reader_command
from framestream.feeds.live.protocol import Decoder, Finished, Message, ReaderJob
from framestream.feeds.live.reader.certificates import store_of_system
from framestream.interpreter import VARIABLE, find_interpreter

_log = logging.getLogger(__name__)

# For PyAV as well; see `framestream.feeds.live.reader.av_stream`.
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_VERIFY = "tls_verify;1"
_CHUNK_BYTES = 1 << 18
_KEPT_STDERR_BYTES = 8192
# TCP first, as OpenCV asks by default; no audio, which would be thrown away; and no second of frames collected to guess
# a rate from, which would be old when they are seen.
_RTSP_OPTIONS = "rtsp_flags;prefer_tcp|allowed_media_types;video|fpsprobesize;0"
# glibc gives the memory of each picture back to the system and asks for it again for the next, which takes a third of
# a reader's processor time. Here it is kept; only pictures above 32 MiB, the most that glibc allows, go as they come.
_KEPT_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    # One heap for all threads, of which there is one that works.
    "MALLOC_ARENA_MAX": "1",
}
# A little more than the reader allows itself for its goodbye.
_GOODBYE_SECONDS = 0.6
_KILL_SECONDS = 0.8


class ReaderProcess:
    """A running reader. Nothing here waits longer than its limit; `close` leaves nothing behind.

    For one thread, except that `pid` may be read by any.
    """

    def __init__(self, job: ReaderJob) -> None:
        """Start the process, which loads its libraries, says so, and waits for `begin`.

        Raises:
            OSError: The system has no process or descriptor left.
            SettingsError: This system cannot wait for pipes (Windows), or there is no Python to run the process.
        """
        if not hasattr(select, "poll"):
            raise SettingsError(f"{job.name}: cameras can be watched on Linux and macOS only; give a recording")
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_environment(job),
            # Out of the terminal's reach: Ctrl-C is for the program.
            start_new_session=True,
        )
        self._stdin, self._stdout, self._stderr = _pipes(self._process)
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()
        self._printed = bytearray()
        self._poll = select.poll()
        for pipe in (self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
            self._poll.register(pipe, select.POLLIN)
        self._write(job.to_line())

    def begin(self) -> None:
        """Let the process connect; may be called once."""
        self._write(b"\n")

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def printed(self) -> str:
        """The end of what it wrote to standard error. May contain credentials: to be searched, never to be shown."""
        return self._printed.decode(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process, negative for a signal; None while it runs."""
        return self._process.poll()

    def read(self, timeout_seconds: float) -> Message | None:
        """Return its next message, or None if none came in time; when its pipe closes, `Finished` as "died".

        Raises:
            ProtocolError: The process sent something that is no message.
        """
        deadline = time.monotonic() + timeout_seconds
        while not self._messages:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0:
                return None
            for descriptor, _ in self._poll.poll(left_seconds * 1000):
                self._take(descriptor)
        return self._messages.popleft()

    def close(self) -> None:
        """End it and wait until it is gone, about a second at most; may be called twice."""
        # It ends when standard input closes, even while it blocks in a read or in writing to a pipe nobody reads.
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        if not self._wait(_GOODBYE_SECONDS):
            self.kill()
        self._stderr.close()

    def kill(self) -> None:
        """End it by force, whatever it does, stopped processes too."""
        self._process.kill()
        for pipe in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        if not self._wait(_KILL_SECONDS):
            # Only a driver that hangs in the kernel does this; Python collects the process later.
            _log.warning("reader process %d does not end; the driver of its camera may hang", self.pid)

    def _write(self, line: bytes) -> None:
        # If it is gone already, reading tells.
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(line)

    def _wait(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _take(self, descriptor: int) -> None:
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            self._poll.unregister(descriptor)
            if descriptor == self._stdout.fileno():
                self._drain_stderr()
                self._wait(_GOODBYE_SECONDS)
                self._messages.append(Finished("died"))
        elif descriptor == self._stdout.fileno():
            self._messages.extend(self._decoder.feed(chunk))
            if any(isinstance(message, Finished) for message in self._messages):
                self._drain_stderr()
        else:
            self._keep(chunk)

    def _drain_stderr(self) -> None:
        """Read what was printed before the end, which may lie in its pipe still."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._stderr.fileno(), _CHUNK_BYTES):
                self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        self._printed += chunk
        del self._printed[:-_KEPT_STDERR_BYTES]


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr


def _command() -> list[str]:
    if not os.environ.get(VARIABLE) and (command := own_reader_command()) is not None:
        return command
    interpreter = find_interpreter()
    # The path is handed over instead of "-m", which would put the current folder in front of it.
    program = f"import sys; sys.path[:] = {sys.path!r}; from framestream.feeds.live.reader.program import main; main()"
    return [interpreter, "-c", program]


def _environment(job: ReaderJob) -> dict[str, str]:
    ours = {
        # FFmpeg's reasons, which are searched and never shown. 24 is warning: HTTP errors are logged at that level.
        "OPENCV_FFMPEG_LOGLEVEL": "24",
        "OPENCV_LOG_LEVEL": "WARNING",
        # One core for a camera, whatever its libraries think.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_FOR_THREADS_NUM": "1",
        **_KEPT_MEMORY,
    }
    preset = {}
    if str(job.address).lower().startswith("rtsp"):
        preset[_OPTIONS] = _RTSP_OPTIONS
    environment = {**preset, **os.environ, **ours}
    if job.is_address and not job.insecure:
        # Also for addresses that lead to others: a server may send its viewers on.
        options = environment.get(_OPTIONS, "")
        if "tls_verify" not in options:
            environment[_OPTIONS] = f"{options}|{_VERIFY}" if options else _VERIFY
        environment |= store_of_system()
    return environment
