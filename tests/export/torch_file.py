"""PyTorch's legacy files, written byte by byte, right and wrong ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PROTOCOL, STOP = b"\x80\x02", b"."
MAGIC = PROTOCOL + b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" + STOP
VERSION = PROTOCOL + b"M\xe9\x03" + STOP
KINDS = {"<f8": "Double", "<f4": "Float", "<f2": "Half", "<i8": "Long", "<i4": "Int", "<i2": "Short", "<i1": "Char"}
KINDS |= {"|i1": "Char", "|u1": "Byte"}
ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def integers(values: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(integer, values)) + b"t"


def machine(little_endian: bytes = b"\x88") -> bytes:
    return PROTOCOL + b"}(" + text("protocol_version") + b"M\xe9\x03" + text("little_endian") + little_endian + b"u."


@dataclass
class TorchTensor:
    """One tensor and the storage it lies in; `count` is the storage's length as the pickle states it."""

    name: str
    numbers: NDArray[np.generic]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    key: str = "1"
    count: int | None = None
    kind: str = ""

    def pickled(self) -> bytes:
        kind = self.kind or f"torch\n{KINDS[self.numbers.dtype.str]}Storage"
        storage = b"(" + text("storage") + b"c" + kind.encode() + b"\n" + text(self.key) + text("cpu")
        storage += integer(len(self.numbers) if self.count is None else self.count) + b"NtQ"
        arguments = storage + integer(self.offset) + integers(self.shape) + integers(self.strides) + b"\x89"
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + ORDERED_DICT + b"tR"


@dataclass
class TorchFile:
    """The parts of a file, each of which a test may replace."""

    tensors: list[TorchTensor]
    head: bytes = field(default_factory=lambda: MAGIC + VERSION + machine())
    attributes: bytes = field(default_factory=lambda: b"}" + text("_metadata") + ORDERED_DICT + b"sb")

    def state(self) -> bytes:
        items = b"".join(text(tensor.name) + tensor.pickled() for tensor in self.tensors)
        return PROTOCOL + ORDERED_DICT + b"(" + items + b"u" + self.attributes + STOP

    def storages(self) -> bytes:
        numbers = {tensor.key: tensor.numbers for tensor in self.tensors}
        keys = PROTOCOL + b"](" + b"".join(map(text, numbers)) + b"e."
        return keys + b"".join(struct.pack("<q", len(value)) + value.tobytes() for value in numbers.values())

    def __bytes__(self) -> bytes:
        return self.head + self.state() + self.storages()
