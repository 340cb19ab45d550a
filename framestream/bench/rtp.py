"""Frames as RTP carries them: H.264 (RFC 6184) and Motion JPEG (RFC 2435), and how SDP announces them."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator

from framestream.bench.camera_film import CameraFilm
from framestream.errors import SettingsError

CLOCK_RATE = 90_000
"""Units of an RTP timestamp per second, of every video codec."""
H264_TYPE = 96
JPEG_TYPE = 26

# With its headers a packet fits into one of Ethernet's.
_MOST_BYTES = 1400
_START_CODE = re.compile(rb"\x00\x00+\x01")
_FRAGMENT = 28
_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS = 7, 8
# JPEG's markers: quantisation tables, size, beginning of the compressed data.
_DQT, _SOF0, _SOS = 0xDB, 0xC0, 0xDA
_TABLES_INSIDE = 255


def payload_type(film: CameraFilm) -> int:
    """Return the number by which RTP tells a film's codec."""
    return H264_TYPE if film.codec == "H.264" else JPEG_TYPE


def describe(film: CameraFilm) -> str:
    """Return the SDP of a stream that plays a film."""
    kind = payload_type(film)
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 127.0.0.1", "t=0 0", f"m=video 0 RTP/AVP {kind}"]
    if film.codec == "H.264":
        units = _units(film.frames[0])
        parameters = [unit for unit in units if unit[0] & 31 in (_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS)]
        texts = ",".join(base64.b64encode(unit).decode() for unit in parameters)
        lines += [
            f"a=rtpmap:{kind} H264/{CLOCK_RATE}",
            f"a=fmtp:{kind} packetization-mode=1;sprop-parameter-sets={texts}",
        ]
    else:
        lines.append(f"a=rtpmap:{kind} JPEG/{CLOCK_RATE}")
    lines += [f"a=framerate:{film.rate:g}", "a=control:video"]
    return "".join(f"{line}\r\n" for line in lines)


def frame_payloads(film: CameraFilm, index: int) -> list[bytes]:
    """Return the payloads of the RTP packets that carry one frame, in order."""
    frame = film.frames[index]
    if film.codec == "H.264":
        return [payload for unit in _units(frame) for payload in _h264_payloads(unit)]
    return list(_jpeg_payloads(frame, film.size_wh))


def _units(frame: bytes) -> list[bytes]:
    """Split a frame at its start codes."""
    return [unit for unit in _START_CODE.split(frame) if unit]


def _h264_payloads(unit: bytes) -> Iterator[bytes]:
    if len(unit) <= _MOST_BYTES:
        yield unit
        return
    indicator, kind, body = unit[0] & 0xE0 | _FRAGMENT, unit[0] & 31, unit[1:]
    for first in range(0, len(body), _MOST_BYTES):
        is_first, is_last = first == 0, first + _MOST_BYTES >= len(body)
        header = bytes([indicator, is_first << 7 | is_last << 6 | kind])
        yield header + body[first : first + _MOST_BYTES]


def _jpeg_payloads(frame: bytes, size_wh: tuple[int, int]) -> Iterator[bytes]:
    tables, sampling, data = _parse_jpeg(frame)
    width, height = size_wh
    for first in range(0, len(data), _MOST_BYTES):
        header = struct.pack("!IBBBB", first, sampling, _TABLES_INSIDE, width // 8, height // 8)
        if first == 0:
            header += struct.pack("!BBH", 0, 0, len(tables)) + tables
        yield header + data[first : first + _MOST_BYTES]


def _parse_jpeg(frame: bytes) -> tuple[bytes, int, bytes]:
    """Return a JPEG's quantisation tables, RTP's number for its colour sampling, and its compressed data.

    Raises:
        SettingsError: The colours are sampled in a way that RTP does not know.
    """
    tables, sampling, at = b"", None, 2
    while True:
        marker, length = struct.unpack_from("!xBH", frame, at)
        body = frame[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == _DQT:
            # Each table is 64 bytes behind one that says which it is.
            tables += b"".join(body[first + 1 : first + 65] for first in range(0, len(body), 65))
        elif marker == _SOF0:
            sampling = {0x21: 0, 0x22: 1}.get(body[7])
        elif marker == _SOS:
            break
    if sampling is None:
        raise SettingsError("this OpenCV writes JPEG whose colours RTP cannot carry; run: pip install av")
    return tables, sampling, frame[at:]
