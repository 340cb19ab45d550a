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
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.encoders.torch_pickle import PickleError, Storage, StoredTensor, read_pickle

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_ZIP = b"PK\x03\x04"
_COUNT = struct.Struct("<q")


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
    stream = BytesIO(data)
    if read_pickle(stream) != MAGIC:
        raise PickleError("it does not start with the magic number")
    version = read_pickle(stream)
    if version != VERSION:
        raise PickleError(f"its version is not {VERSION}")
    machine = read_pickle(stream)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise PickleError("it was not written by a little-endian machine")
    storages: dict[str, Storage] = {}
    state = read_pickle(stream, storages)
    tensors = state.items() if isinstance(state, dict) else [(None, state)]
    if not all(type(name) is str and isinstance(value, StoredTensor) for name, value in tensors):
        raise PickleError("it holds something else than one dictionary of tensors; save model.state_dict()")
    keys = read_pickle(stream)
    starts = _storage_starts(data, stream.tell(), keys, storages)
    return {name: _view(tensor, data, starts[tensor.storage.key]) for name, tensor in state.items()}


def _storage_starts(data: bytes, position: int, keys: Any, storages: Mapping[str, Storage]) -> dict[str, int]:
    """The byte at which the numbers of each storage begin."""
    if not isinstance(keys, list) or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise PickleError("the storages it lists are not those its tensors need")
    starts = {}
    for key in keys:
        storage = storages[key]
        start = position + _COUNT.size
        position = start + storage.length * storage.dtype.itemsize
        if position > len(data):
            raise PickleError(f"it is cut short: storage {key[:100]!r} should end at byte {position} of {len(data)}")
        if _COUNT.unpack_from(data, start - _COUNT.size)[0] != storage.length:
            raise PickleError(f"storage {key[:100]!r} has another length than its tensors say")
        starts[key] = start
    return starts


def _view(tensor: StoredTensor, data: bytes, start: int) -> NDArray[Any]:
    dtype = tensor.storage.dtype
    return np.ndarray(
        tensor.shape,
        dtype,
        buffer=data,
        offset=start + tensor.offset * dtype.itemsize,
        strides=tuple(stride * dtype.itemsize for stride in tensor.strides),
    )
