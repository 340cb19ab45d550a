"""Just enough of protobuf's wire format to take an ONNX file apart without the ``onnx`` package.

A message is a row of fields, each a key (number and kind) and a value. Fields are copied as they are; only those with
a length (kind 2: messages, strings, bytes) are ever looked into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from framestream.errors import ModelError

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: which one, as the message's definition says.
        raw: the whole field, key included.
        value: its content if it has a length, else empty.
    """

    number: int
    raw: bytes
    value: bytes


def read_fields(message: bytes) -> Iterator[Field]:
    """Yield a message's fields in order.

    Raises:
        ModelError: these bytes are no message.
    """
    at = 0
    while at < len(message):
        begin = at
        key, at = _read_varint(message, at)
        kind, first = key & 7, at
        if kind == _VARINT:
            _, at = _read_varint(message, at)
        elif kind == _LENGTH:
            length, first = _read_varint(message, at)
            at = first + length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ModelError(f"not a protobuf message: field kind {kind}; export the model again")
        if at > len(message):
            raise ModelError("not a protobuf message: it is cut off; export the model again")
        yield Field(key >> 3, message[begin:at], message[first:at] if kind == _LENGTH else b"")


def with_length(number: int, value: bytes) -> bytes:
    """Return a field that has a length."""
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def with_varint(number: int, value: int) -> bytes:
    """Return a field that is a whole number, 0 or more."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ModelError("not a protobuf message: a number is cut off; export the model again")


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
