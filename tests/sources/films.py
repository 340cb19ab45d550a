"""Films made by FFmpeg: containers, codecs, reordered frames, rates, and damage; and what ffprobe says of them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from framestream.sources import VideoFile

_YUV = ["-pix_fmt", "yuv420p"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", *_YUV]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=20", *_YUV]
MPEG4 = ["-c:v", "mpeg4", "-q:v", "5", "-g", "20"]
MPEG2 = ["-c:v", "mpeg2video", "-q:v", "5", "-g", "20"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", *_YUV]
B_FRAMES = ["-bf", "2"]
NO_B_FRAMES = ["-bf", "0"]

HAS_AV = importlib.util.find_spec("av") is not None
needs_av = pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
DECODERS = ["opencv", pytest.param("av", marks=needs_av)]

Change = Callable[[bytes], bytes]


def damaged(share: float = 0.5, count: int = 300) -> Change:
    """Overwrite some bytes at a share of a file."""

    def change(content: bytes) -> bytes:
        at = int(len(content) * share)
        return content[:at] + b"\xff" * count + content[at + count :]

    return change


def cut_off(share: float = 0.6) -> Change:
    """Leave out the end of a file."""
    return lambda content: content[: int(len(content) * share)]


@dataclass(frozen=True)
class Film:
    """A film to be made: FFmpeg's options and what happens to the file afterwards.

    Attributes:
        av_only: OpenCV leaves out pictures of it that have a flaw, and cannot be told otherwise.
    """

    name: str
    options: Sequence[str]
    rate: str = "25"
    seconds: float = 3.0
    change: Change | None = None
    av_only: bool = False

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        run_ffmpeg(
            *["-f", "lavfi", "-i", f"testsrc=size=96x64:rate={self.rate}:duration={self.seconds}"],
            *self.options,
            str(path),
        )
        if self.change is not None:
            path.write_bytes(self.change(path.read_bytes()))
        return path


def run_ffmpeg(*options: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg program here")
    # One thread, so that a film is the same each time.
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "Unknown encoder" in done.stderr or "Encoder not found" in done.stderr:
        pytest.skip(f"this ffmpeg has no encoder for {options[-1]}")
    assert done.returncode == 0, done.stderr


def ffprobe_times(path: Path) -> tuple[list[float | None], float]:
    """When ffprobe says that each frame is shown (None where it does not know), and when the film starts."""
    entries = "frame=best_effort_timestamp_time:format=start_time"
    command = ["ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries", entries, "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    times = [frame.get("best_effort_timestamp_time", "N/A") for frame in found["frames"]]
    start = found["format"].get("start_time", "N/A")
    return [None if time == "N/A" else float(time) for time in times], 0.0 if start == "N/A" else float(start)


def read_times(path: Path, **options: object) -> list[float]:
    source = VideoFile(path, **options)  # type: ignore[arg-type]
    times = []
    while (pts_seconds := source.grab()) is not None:
        times.append(pts_seconds)
    source.close()
    return times
