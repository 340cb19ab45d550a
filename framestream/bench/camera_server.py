"""The process that plays cameras, as the bench sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import IO

from framestream.bench.camera_film import Codec
from framestream.errors import SourceError

_END_SECONDS = 5.0


class CameraServer:
    """Cameras that send H.264, or else Motion JPEG, over RTSP on 127.0.0.1; a context manager.

    They are played by a process of its own, whose processor time can thereby be left out.

    Attributes:
        codec: How they encode their pictures.
    """

    def __init__(self, *, codec: Codec | None = None) -> None:
        """Start the process and wait until it listens.

        Args:
            codec: What the cameras are to send; by default the better of the two that can be made here.

        Raises:
            SourceError: It does not start, or cannot make a film for its cameras.
        """
        command = [sys.executable, "-m", "framestream.bench.rtsp_server", *([] if codec is None else [codec])]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError as error:
            raise SourceError(
                f"cameras for the bench cannot be started ({error.strerror}); end other programs"
            ) from error
        self._stdin, self._stdout = _pipes(self._process)
        line = self._stdout.readline()
        if not line:
            self.close()
            raise SourceError("cameras for the bench do not start; see what `framestream doctor` says, or --cameras 0")
        told = json.loads(line)
        self.codec: Codec = told["codec"]
        self._port = int(told["port"])

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def url(self, name: str) -> str:
        """Return the address of a camera; there is one of every name."""
        return f"rtsp://127.0.0.1:{self._port}/{name}"

    def close(self) -> None:
        """End the process; may be called twice."""
        self._stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

    def __enter__(self) -> CameraServer:
        """Return the server itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
