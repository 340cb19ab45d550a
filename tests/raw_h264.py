"""A raw H.264 stream written bit by bit: a file without timestamps, which no encoder in OpenCV's wheels writes.

Every frame is an IDR picture of uncompressed (I_PCM) macroblocks in one gray; see ITU-T H.264, sections 7.3 and 9.1.
"""

from __future__ import annotations

from collections.abc import Sequence

_START = b"\x00\x00\x00\x01"
_SIDE_MACROBLOCKS = 2


class _Bits:
    """Collects bits, most significant first."""

    def __init__(self) -> None:
        self._bits = ""

    def fixed(self, value: int, width: int) -> _Bits:
        self._bits += f"{value:0{width}b}"
        return self

    def golomb(self, *values: int) -> _Bits:
        """Exponential-Golomb codes, ue(v); a zero is the same as se(v)."""
        for value in values:
            digits = f"{value + 1:b}"
            self._bits += "0" * (len(digits) - 1) + digits
        return self

    def align(self) -> _Bits:
        self._bits += "0" * (-len(self._bits) % 8)
        return self

    def unit(self, header: int) -> bytes:
        """A NAL unit: start code, header, payload with stop bit, and emulation prevention."""
        self.fixed(1, 1).align()
        payload = int(self._bits, 2).to_bytes(len(self._bits) // 8, "big")
        escaped = bytearray()
        for byte in payload:
            if byte <= 3 and escaped[-2:] == b"\x00\x00":
                escaped.append(3)
            escaped.append(byte)
        return _START + bytes([header]) + bytes(escaped)


def raw_h264(grays: Sequence[int]) -> bytes:
    """One frame of 32 by 32 pixels for each gray level (16 to 235)."""
    stream = [_sequence_parameters(), _picture_parameters()]
    stream += [_picture(index, gray) for index, gray in enumerate(grays)]
    return b"".join(stream)


def _sequence_parameters() -> bytes:
    bits = _Bits().fixed(66, 8).fixed(0xC0, 8).fixed(10, 8)
    # id, log2_max_frame_num - 4, pic_order_cnt_type, max_num_ref_frames
    bits.golomb(0, 0, 2, 1).fixed(0, 1)
    bits.golomb(_SIDE_MACROBLOCKS - 1, _SIDE_MACROBLOCKS - 1)
    # frame_mbs_only, direct_8x8_inference, no cropping, no VUI (so no frame rate either)
    return bits.fixed(0b1100, 4).unit(0x67)


def _picture_parameters() -> bytes:
    bits = _Bits().golomb(0, 0).fixed(0, 2).golomb(0, 0, 0).fixed(0, 3).golomb(0, 0, 0)
    return bits.fixed(0, 3).unit(0x68)


def _picture(index: int, gray: int) -> bytes:
    # first macroblock, slice type I, parameter set; frame_num; idr_pic_id (must alternate); marking; qp delta
    bits = _Bits().golomb(0, 7, 0).fixed(0, 4).golomb(index % 2).fixed(0, 2).golomb(0)
    for _ in range(_SIDE_MACROBLOCKS**2):
        bits.golomb(25).align()
        for level, count in ((gray, 256), (128, 128)):
            for _ in range(count):
                bits.fixed(level, 8)
    return bits.unit(0x65)
