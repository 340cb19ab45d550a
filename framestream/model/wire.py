"""Just enough of protobuf's wire format to look into an ONNX file without the `onnx` package.

A message is a row of fields, each a key (number and kind) and a value. Only those with a length (kind 2: messages,
strings, bytes) are ever looked into. What Google's own reader refuses or reads in another way is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from framestream.errors import ModelError

_VARINT, _FIXED64, LENGTH, _FIXED32 = 0, 1, 2, 5
_LARGEST_KEY = 2**32 - 1
_VARINT_BYTES = 10


class Span(NamedTuple):
    """Where a field of a message lies.

    Attributes:
        number: Number of the field, as the message's definition says.
        kind: How the field's value is written; `LENGTH` has a content.
        begin: Index of the field's first byte, that of the key.
        first: Index of the first byte of the value.
        end: Index behind the field's last byte.
    """

    number: int
    kind: int
    begin: int
    first: int
    end: int


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: Number of the field, as the message's definition says.
        raw: The whole field, key included.
        value: Content of the field if it has a length, else empty.
    """

    number: int
    raw: bytes
    value: bytes


def read_spans(message: bytes, begin: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield where the fields lie of the message in `message[begin:end]`, in order, without copying any.

    Raises:
        ModelError: The bytes are no message.
    """
    at, end = begin, len(message) if end is None else end
    while at < end:
        begin = at
        key, at = _read_varint(message, at, end)
        kind, first = key & 7, at
        if kind == _VARINT:
            _, at = _read_varint(message, at, end)
        elif kind == LENGTH:
            length, first = _read_varint(message, at, end)
            at = first + length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ModelError(f"not a protobuf message: field kind {kind}; export the model again")
        if at > end:
            raise ModelError("not a protobuf message: it is cut off; export the model again")
        if not 8 <= key <= _LARGEST_KEY:
            raise ModelError("not a protobuf message: a field has no valid number; export the model again")
        yield Span(key >> 3, kind, begin, first, at)


def read_fields(message: bytes) -> Iterator[Field]:
    """Yield a message's fields in order.

    Raises:
        ModelError: The bytes are no message.
    """
    for span in read_spans(message):
        value = message[span.first : span.end] if span.kind == LENGTH else b""
        yield Field(span.number, message[span.begin : span.end], value)


def with_length(number: int, value: bytes) -> bytes:
    """Return a field that has a length."""
    return _varint(number << 3 | LENGTH) + _varint(len(value)) + value


def with_varint(number: int, value: int) -> bytes:
    """Return a field that is a whole number, 0 or more."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def _read_varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for index in range(at, min(end, at + _VARINT_BYTES)):
        byte = message[index]
        value |= (byte & 0x7F) << 7 * (index - at)
        if byte < 0x80:
            return value, index + 1
    raise ModelError("not a protobuf message: a number is cut off; export the model again")


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
