"""Films and HLS streams made by FFmpeg."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType

import pytest


def _ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")
    return program


def make_film(path: Path, *, seconds: float = 3, rate: int = 25, options: tuple[str, ...] = ()) -> Path:
    """Write a film in which every frame looks different."""
    source = f"testsrc2=size=160x120:rate={rate}:duration={seconds}"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", str(rate), "-pix_fmt", "yuv420p")
    command = [_ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", source, *codec, *options, str(path)]
    subprocess.run(command, check=True, timeout=120, stdin=subprocess.DEVNULL)
    return path


class LivePlaylist:
    """An HLS stream that goes on: FFmpeg writes a segment a second into a folder; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "live.m3u8"
        source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25"]
        codec = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p"]
        output = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "5", "-hls_flags", "delete_segments"]
        self._process = subprocess.Popen(
            [_ffmpeg(), "-v", "error", *source, *codec, *output, str(self.path)], stdin=subprocess.DEVNULL
        )

    def __enter__(self) -> LivePlaylist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
