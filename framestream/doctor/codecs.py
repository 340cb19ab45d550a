"""Video codecs: a small clip of each is written and read back."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from framestream.doctor.findings import Finding
from framestream.doctor.interlacing import check_interlacing
from framestream.errors import SourceError
from framestream.frames import Image
from framestream.sources import VideoFile
from framestream.sources.decoders import is_av_installed
from framestream.sources.opencv import opencv_silenced

_FRAMES = 8
_SIZE_WH = (64, 48)
_RATE = 10.0
_FFMPEG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec, and how a clip of it is made.

    Attributes:
        name: Common name of the codec.
        suffix: File name ending of a container for it.
        fourcc: The four letters OpenCV's writer takes.
        encoder: ffmpeg's name for the encoder.
    """

    name: str
    suffix: str
    fourcc: str
    encoder: str


CODECS = (
    Codec("H.264", ".mp4", "avc1", "libx264"),
    Codec("H.265", ".mp4", "hvc1", "libx265"),
    Codec("AV1", ".mp4", "av01", "libaom-av1"),
    Codec("VP9", ".mkv", "VP90", "libvpx-vp9"),
    Codec("VP8", ".mkv", "VP80", "libvpx"),
    Codec("MPEG-4", ".mp4", "mp4v", "mpeg4"),
    Codec("Motion JPEG", ".avi", "MJPG", "mjpeg"),
)


def check_codecs() -> list[Finding]:
    """Say which codecs can be read, which OpenCV can write, and whether ffmpeg is here."""
    ffmpeg = shutil.which("ffmpeg")
    with TemporaryDirectory(prefix="framestream-doctor-") as folder:
        findings = [_check_codec(codec, Path(folder), ffmpeg) for codec in CODECS]
    if not any(finding.state == "ok" for finding in findings):
        remedy = "run: pip install --force-reinstall opencv-python-headless"
        findings.insert(0, Finding("codecs", "video", "broken", "no codec at all can be read", remedy))
    return [_name_decoder(), *findings, check_interlacing(ffmpeg), _check_ffmpeg(ffmpeg)]


def _name_decoder() -> Finding:
    """Say which library decodes video files."""
    if is_av_installed():
        return Finding("codecs", "decoder", "ok", f"PyAV {version('av')} decodes files, OpenCV cameras")
    return Finding(
        "codecs",
        "decoder",
        "note",
        f"OpenCV {cv2.__version__} decodes files; it reads neither interlaced films nor other streams than the first",
        "run: pip install av",
    )


def count_readable_frames(path: Path) -> int:
    """Decode a file as `watch` does and return how many frames it gave; 0 if it cannot be opened."""
    try:
        video = VideoFile(path)
    except SourceError:
        return 0
    frames = 0
    try:
        while video.grab() is not None:
            video.retrieve()
            frames += 1
    except SourceError:
        return frames
    finally:
        video.close()
    return frames


def _check_codec(codec: Codec, folder: Path, ffmpeg: str | None) -> Finding:
    path = folder / f"{codec.encoder}{codec.suffix}"
    if _write_with_opencv(codec, path):
        maker = "OpenCV"
    elif ffmpeg is not None and _write_with_ffmpeg(codec, path, ffmpeg):
        maker = "ffmpeg"
    else:
        return Finding(
            "codecs", codec.name, "note", "not tried: nothing here can write it", "install ffmpeg to have it tried"
        )
    frames = count_readable_frames(path)
    if frames != _FRAMES:
        detail = f"{frames} of {_FRAMES} frames of a clip by {maker} could be read"
        remedy = "convert such files with ffmpeg, or set the camera to H.264"
        if not is_av_installed():
            remedy = f"run: pip install av, whose decoders are more; or {remedy}"
        return Finding("codecs", codec.name, "warning", detail, remedy)
    return Finding("codecs", codec.name, "ok", "reads and writes" if maker == "OpenCV" else "reads (does not write)")


def _images() -> list[Image]:
    # A ramp that moves, so that frames differ.
    width, height = _SIZE_WH
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8)[np.newaxis, :, np.newaxis], (height, 1, 3))
    return [np.ascontiguousarray(np.roll(ramp, 5 * index, axis=1)) for index in range(_FRAMES)]


def _write_with_opencv(codec: Codec, path: Path) -> bool:
    with opencv_silenced():
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec.fourcc), _RATE, _SIZE_WH)
        try:
            if not writer.isOpened():
                return False
            for image in _images():
                writer.write(image)
        finally:
            writer.release()
    return path.is_file() and path.stat().st_size > 0


def _write_with_ffmpeg(codec: Codec, path: Path, ffmpeg: str) -> bool:
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{_SIZE_WH[0]}x{_SIZE_WH[1]}", "-r", str(_RATE), "-i", "-"]
    command = [ffmpeg, "-v", "quiet", "-y", *raw, "-c:v", codec.encoder, "-pix_fmt", "yuv420p"]
    if codec.encoder == "libaom-av1":
        command += ["-cpu-used", "8"]
    try:
        done = subprocess.run(
            [*command, str(path)],
            input=b"".join(image.tobytes() for image in _images()),
            capture_output=True,
            timeout=_FFMPEG_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _check_ffmpeg(ffmpeg: str | None) -> Finding:
    if ffmpeg is None:
        remedy = "install it (apt install ffmpeg) to pipe frames into `framestream watch -`; nothing else needs it"
        return Finding("codecs", "ffmpeg", "note", "the command is not on the PATH", remedy)
    try:
        done = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, timeout=_FFMPEG_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "install ffmpeg again; only frames piped into `framestream watch -` need it"
        return Finding("codecs", "ffmpeg", "warning", f"{ffmpeg} does not run ({type(error).__name__})", remedy)
    words = done.stdout.split(maxsplit=3)
    return Finding("codecs", "ffmpeg", "ok", f"{words[2] if len(words) > 2 else 'unknown version'}, {ffmpeg}")
