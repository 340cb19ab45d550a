"""Interlaced films: one is made with ffmpeg, and read with each decoder that is installed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from framestream.doctor.findings import Finding
from framestream.errors import SourceError
from framestream.frames import Image
from framestream.sources import VideoFile
from framestream.sources.decoders import DecoderChoice, is_av_installed

_NAME = "interlaced films"
_FRAMES = 5
# Every other picture is a negative: memory that still holds one of them cannot be taken for all.
_PICTURES = f"testsrc2=size=160x128:rate=25:duration={_FRAMES / 25},negate=enable='mod(n\\,2)'"
_CODEC = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p")
_INTERLACED = ("-vf", "setfield=tff", "-flags", "+ilme+ildct")
_FFMPEG_SECONDS = 30.0
# Levels out of 255 by which the pictures of both films may differ on average, since each is encoded for itself; black
# ones are off by more than a hundred.
_MOST_DIFFERENCE = 8.0


def check_interlacing(ffmpeg: str | None) -> Finding:
    """Say whether interlaced films are read right: the same film, interlaced or not, must give the same pictures.

    Args:
        ffmpeg: Path of the program ffmpeg, or None where there is none.
    """
    with TemporaryDirectory(prefix="framestream-doctor-") as folder:
        film, plain = Path(folder) / "interlaced.mpg", Path(folder) / "plain.mpg"
        if ffmpeg is None or not (_make(film, ffmpeg, _INTERLACED) and _make(plain, ffmpeg, ())):
            detail = "not tried: nothing here can make one"
            return Finding("codecs", _NAME, "note", detail, "install ffmpeg to have it tried")
        decoders: Sequence[DecoderChoice] = ("av", "opencv") if is_av_installed() else ("opencv",)
        wrong = [decoder for decoder in decoders if not reads_alike(film, plain, decoder)]
    return judge(decoders, wrong)


def judge(decoders: Sequence[DecoderChoice], wrong: Sequence[DecoderChoice]) -> Finding:
    """Return the finding about the decoders that are installed, of which some read interlaced films wrongly.

    The first of them is the one that files are read with where nobody asks for another.
    """
    names = {"av": "PyAV", "opencv": f"OpenCV {cv2.__version__}"}
    right = ", ".join(names[decoder] for decoder in decoders if decoder not in wrong)
    lost = ", ".join(names[decoder] for decoder in wrong)
    if not wrong:
        return Finding("codecs", _NAME, "ok", f"read right by {right}")
    if decoders[0] not in wrong:
        return Finding(
            "codecs", _NAME, "ok", f"read right by {right}, which decodes files; {lost} gives other pictures"
        )
    remedy = "run: pip install av, which reads them; or convert them (ffmpeg -vf yadif)"
    if "av" in decoders:
        remedy = "convert them (ffmpeg -vf yadif), or run: pip install --force-reinstall av"
    return Finding("codecs", _NAME, "warning", f"{lost} gives other pictures than they show", remedy)


def reads_alike(film: Path, other: Path, decoder: DecoderChoice) -> bool:
    """Say whether a decoder gives nearly the same pictures of two films."""
    try:
        pairs = list(zip(_read(film, decoder), _read(other, decoder), strict=True))
    except (SourceError, ValueError):
        return False  # Unreadable, or one has more frames.
    return bool(pairs) and all(
        one.shape == two.shape and float(np.abs(one.astype(np.int16) - two).mean()) <= _MOST_DIFFERENCE
        for one, two in pairs
    )


def _read(path: Path, decoder: DecoderChoice) -> list[Image]:
    video = VideoFile(path, decoder=decoder)
    try:
        # Copied, since what is handed out may be memory that is written to again.
        return [video.retrieve().copy() for _ in iter(video.grab, None)]
    finally:
        video.close()


def _make(path: Path, ffmpeg: str, options: Sequence[str]) -> bool:
    """Make a film; say whether that was possible."""
    command = [ffmpeg, "-v", "quiet", "-y", "-f", "lavfi", "-i", _PICTURES, *options, *_CODEC, str(path)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_FFMPEG_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
