"""Starts, stops and freezes the RTSP camera of `rtsp_server.py`, which runs in a process of its own."""

from __future__ import annotations

import contextlib
import functools
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import pytest

# GStreamer's Python bindings come with the system, not with a virtual environment.
_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_PROBE = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
names = ("x264enc", "rtph264pay", "h264parse", "matroskademux", "videotestsrc")
missing = [name for name in names if Gst.ElementFactory.find(name) is None]
assert not missing, missing
"""


@functools.cache
def _what_is_missing() -> str:
    try:
        probe = subprocess.run([_PYTHON, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError as error:
        return str(error)
    return probe.stderr.strip().rpartition("\n")[2] if probe.returncode else ""


class RtspCamera:
    """An RTSP camera; a context manager. Options are those of `rtsp_server.py` without their dashes."""

    running: ClassVar[int] = 0
    """How many there are; each has two pipes."""

    def __init__(self, **options: str | bool) -> None:
        if missing := _what_is_missing():
            pytest.skip(f"GStreamer's RTSP server is not installed: {missing}")
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None
        self.turn_on(**options)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"rtsp://{self.host}/camera"

    def turn_on(self, **options: str | bool) -> None:
        """Start the server again, at the port it had before."""
        arguments = [_PYTHON, str(_SCRIPT), "--port", self._port]
        for name, value in options.items():
            arguments += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        RtspCamera.running += 1
        assert self._process.stdout is not None
        self._port = self._process.stdout.readline().strip()
        assert self._port.isdigit(), "the RTSP server did not start"

    def turn_off(self) -> None:
        """End it at once, as a power failure does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            RtspCamera.running -= 1

    def freeze(self) -> None:
        """Stop it without closing anything: its connections stay, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> RtspCamera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.turn_off()
