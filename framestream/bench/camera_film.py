"""The short film that bench's cameras play again and again, encoded as a camera sends it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np

from framestream.bench.synthetic_footage import CAMERA_RATE, CAMERA_SIZE_WH, render_images
from framestream.errors import UnreadableSourceError
from framestream.frames import Image
from framestream.sources.decoders import is_av_installed

Codec = Literal["H.264", "Motion JPEG"]

# Two seconds, as long as many cameras go from one key frame to the next.
_FRAMES = 30
# What the sensor of a camera adds; without it, a picture that stands still costs its codec nothing.
_NOISE = 3.0
_H264_OPTIONS = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "crf": "23",
    # One slice a picture, and a key frame only at the beginning.
    "x264-params": f"keyint={_FRAMES}:scenecut=0:bframes=0:threads=1:sliced-threads=0",
}
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class CameraFilm:
    """A film that can be played from its beginning again after its end.

    Attributes:
        codec: How the frames are encoded.
        rate: Frames per second.
        size_wh: Width and height of the pictures, pixels.
        frames: The frames in the order of their display; of H.264 with start codes, the first with its parameters.
    """

    codec: Codec
    rate: float
    size_wh: tuple[int, int]
    frames: tuple[bytes, ...]


def encode_film(codec: Codec | None = None) -> CameraFilm:
    """Render and encode the film: by default as H.264 where PyAV can write it, else as Motion JPEG.

    Raises:
        UnreadableSourceError: It cannot be encoded here.
    """
    images = _noisy_images()
    if codec != "Motion JPEG":
        frames = _encode_h264(images)
        if frames:
            return CameraFilm("H.264", CAMERA_RATE, CAMERA_SIZE_WH, tuple(frames))
        if codec == "H.264":
            raise UnreadableSourceError("cameras cannot send H.264: nothing here writes it; run: pip install av")
    return CameraFilm("Motion JPEG", CAMERA_RATE, CAMERA_SIZE_WH, tuple(map(_encode_jpeg, images)))


def _noisy_images() -> list[Image]:
    random = np.random.default_rng(11)
    return [
        np.clip(np.rint(image + random.normal(0.0, _NOISE, image.shape)), 0, 255).astype(np.uint8)
        for image in render_images(_FRAMES, size_wh=CAMERA_SIZE_WH)
    ]


def _encode_h264(images: list[Image]) -> list[bytes]:
    """Return the frames, one after the other; nothing where this cannot be done."""
    if not is_av_installed():
        return []
    import av

    av.logging.set_level(av.logging.PANIC)
    try:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height = CAMERA_SIZE_WH
        encoder.pix_fmt = "yuv420p"
        encoder.framerate = Fraction(CAMERA_RATE)
        encoder.time_base = 1 / Fraction(CAMERA_RATE)
        encoder.options = dict(_H264_OPTIONS)
        packets = []
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = index
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
    except (av.error.FFmpegError, ValueError):
        # A build of FFmpeg without x264: its licence is not everybody's.
        return []
    return [bytes(packet) for packet in packets]


def _encode_jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
