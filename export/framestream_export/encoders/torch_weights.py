"""Weights from PyTorch's legacy `.pth` files, without PyTorch and without running what is in them.

Such a file is five pickles (a magic number, the format's version, facts about the machine, the weights, the keys of
the storages) and then the storages: for each key in turn how many numbers, and the numbers. A tensor is a view of a
storage: where it starts, its size, and how far apart neighbours are along each axis. Convolution weights that once were
TensorFlow's have their axes in another order in memory than in the tensor, so a reader without strides gets garbage of
the right shape.

Source: PyTorch's documentation of `torch.save` ("serialization semantics"), and files taken apart with `pickletools`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.encoders.inert_pickle import Name, PickleError, Vocabulary, read_pickle

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_ZIP = b"PK\x03\x04"
_MOST_AXES = 8
_COUNT = struct.Struct("<q")
_TYPES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "<i1",
    "torch ByteStorage": "<u1",
}


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of numbers that the file holds after its pickles."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state dict in PyTorch's legacy format, by name.

    Returns:
        Read-only views of what was read, in the file's order; their strides are those of the file.

    Raises:
        DataError: The file cannot be read, is damaged, is not in this format, or asks for anything but tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if data.startswith(_ZIP):
        raise DataError(
            f"{path} is in PyTorch's zip format, and only the legacy one is read here; write it again with"
            " torch.save(state, path, _use_new_zipfile_serialization=False)"
        )
    try:
        return _read(data)
    except PickleError as error:
        raise DataError(f"{path} does not hold weights in PyTorch's legacy format: {error}") from error


def _read(data: bytes) -> dict[str, NDArray[Any]]:
    stream, plain = BytesIO(data), Vocabulary(makers={})
    if read_pickle(stream, plain) != MAGIC:
        raise PickleError("it does not start with the magic number")
    version = read_pickle(stream, plain)
    if version != VERSION:
        raise PickleError(f"its version is not {VERSION}")
    machine = read_pickle(stream, plain)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise PickleError("it was not written by a little-endian machine")
    storages: dict[str, _Storage] = {}
    state = read_pickle(stream, _vocabulary(storages))
    if not isinstance(state, dict) or not all(isinstance(value, _Tensor) for value in state.values()):
        raise PickleError("it holds something else than one dictionary of tensors; save model.state_dict()")
    keys = read_pickle(stream, plain)
    starts = _storage_starts(data, stream.tell(), keys, storages)
    return {name: _view(tensor, data, starts[tensor.storage.key]) for name, tensor in state.items()}


def _vocabulary(storages: dict[str, _Storage]) -> Vocabulary:
    """What the pickle of the weights may speak of; storages it mentions are entered in `storages`."""

    def storage(identity: Any) -> _Storage:
        made = _storage(identity)
        if storages.setdefault(made.key, made) != made:
            raise PickleError("one storage with two sizes or types")
        return made

    return Vocabulary(
        makers={"collections OrderedDict": _dictionary, "torch._utils _rebuild_tensor_v2": _tensor},
        names=frozenset(_TYPES),
        persistent=storage,
    )


def _dictionary(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if arguments:
        raise PickleError("an ordered dictionary that does not start empty")
    return {}


def _storage(identity: Any) -> _Storage:
    """From ("storage", type, key, device, count, None): the last would be a view, which tensors replaced long ago."""
    if not isinstance(identity, tuple) or len(identity) != 6:
        raise PickleError("a storage that is not described by six values")
    word, kind, key, _, count, view = identity
    if not (type(word) is str and word == "storage" and type(key) is str and view is None):
        raise PickleError("a storage without a key, or a view of another")
    if not isinstance(kind, Name) or kind.text not in _TYPES:
        raise PickleError("a storage of numbers that are none of PyTorch's plain ones")
    if type(count) is not int or count < 0:
        raise PickleError("a storage whose length is no number")
    return _Storage(key, np.dtype(_TYPES[kind.text]), count)


def _tensor(arguments: tuple[Any, ...]) -> _Tensor:
    """From (storage, offset, size, strides, requires_grad, hooks); a tensor must lie inside its storage."""
    if len(arguments) != 6:
        raise PickleError("a tensor that is not described by six values")
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, _Storage) or type(offset) is not int or offset < 0:
        raise PickleError("a tensor without a storage, or that starts nowhere in it")
    if not (_are_counts(shape) and _are_counts(strides)) or len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise PickleError("a tensor whose size and strides do not go together")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # A stride of zero would make much of little: a tensor has no more numbers than its storage.
    if 0 in shape or last >= storage.count or prod(shape) > storage.count:
        raise PickleError(f"a tensor that is empty or reaches beyond the {storage.count} numbers of its storage")
    return _Tensor(storage, offset, shape, strides)


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values)


def _storage_starts(data: bytes, position: int, keys: Any, storages: Mapping[str, _Storage]) -> dict[str, int]:
    """The byte at which the numbers of each storage begin."""
    if not isinstance(keys, list) or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise PickleError("the storages it lists are not those its tensors need")
    starts = {}
    for key in keys:
        storage = storages[key]
        start = position + _COUNT.size
        position = start + storage.count * storage.dtype.itemsize
        if position > len(data):
            raise PickleError(f"it is cut short: storage {key[:100]!r} should end at byte {position} of {len(data)}")
        if _COUNT.unpack_from(data, start - _COUNT.size)[0] != storage.count:
            raise PickleError(f"storage {key[:100]!r} has another length than its tensors say")
        starts[key] = start
    return starts


def _view(tensor: _Tensor, data: bytes, start: int) -> NDArray[Any]:
    dtype = tensor.storage.dtype
    return np.ndarray(
        tensor.shape,
        dtype,
        buffer=data,
        offset=start + tensor.offset * dtype.itemsize,
        strides=tuple(stride * dtype.itemsize for stride in tensor.strides),
    )
