"""The pickles in PyTorch's files, read by Python's own reader, which is given nothing that it could run.

A pickle is a program: the reader imports and calls what the names in it stand for. Here they stand for functions of
ours that make plain values, any other name is refused, and so is every operation that weights do not need.

Source: "Restricting Globals" in the documentation of `pickle`, and files taken apart with `pickletools`.
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable, Iterator
from io import BytesIO
from math import prod
from typing import Any, NamedTuple

import numpy as np

# A tensor takes about thirty-five, so this is a network of 1,400 tensors. The worst that a hostile file can make of as
# many is a dictionary of numbers that all have one hash: some ten seconds.
MOST_OPERATIONS = 50_000
_MOST_AXES = 8
_TYPES = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
}
# The operations of pickle's protocol 2 that `torch.save` writes for weights.
_PUTS, _GETS = frozenset({"BINPUT", "LONG_BINPUT"}), frozenset({"BINGET", "LONG_BINGET"})
_MAKE_NO_TUPLE = frozenset({"BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "GLOBAL", "REDUCE"})
_OPERATIONS = _PUTS | _GETS | _MAKE_NO_TUPLE | {"PROTO", "STOP", "MARK", "BINPERSID", "BUILD", "APPEND", "APPENDS"}
_OPERATIONS |= {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "SETITEM", "SETITEMS"}
_OPERATIONS |= {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}


class PickleError(ValueError):
    """A pickle that is damaged, or asks for more than weights need; the text says what, and where."""


class _Global(NamedTuple):
    """What a name in a pickle stands for: text, and for some a function of ours that may be called.

    A named tuple, as those below: a pickle may set attributes of whatever it made, and of these it can set none.
    """

    name: str
    make: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self.make is None:
            raise PickleError(f"a call of {self.name}, which weights do not need; refused")
        return self.make(*arguments)


class _Dictionary(dict[Any, Any]):
    """For `collections.OrderedDict`, without its attributes: a state dict's are the versions of its layers."""

    __slots__ = ()

    def __init__(self) -> None:
        """Take nothing: what fills one dictionary could fill any number."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise PickleError("attributes that are no dict")


class Storage(NamedTuple):
    """A run of numbers that the file holds after its pickles."""

    key: str
    dtype: np.dtype[Any]
    length: int


class StoredTensor(NamedTuple):
    """A view of a storage; offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_pickle(stream: BytesIO, storages: dict[str, Storage] | None = None) -> Any:
    """The value of the pickle that starts where `stream` is; leaves `stream` after it.

    Args:
        stream: The file in memory, so that a length the pickle claims cannot make Python reserve more than there is.
        storages: Dictionary to which the storages that the pickle mentions are added, by key.

    Raises:
        PickleError: The pickle is damaged, or asks for more than weights need.
    """
    start = stream.tell()
    try:
        _check_operations(stream)
        stream.seek(start)
        return _Unpickler(stream, {} if storages is None else storages).load()
    except PickleError as error:
        raise PickleError(f"{error} (before byte {stream.tell()})") from error
    except Exception as error:  # of any kind, says the documentation of `pickle`
        raise PickleError(f"the pickle at byte {start} is cut short or damaged ({error})") from error


def _check_operations(stream: BytesIO) -> None:
    """Read a pickle without running it, and refuse what would take memory or time out of all proportion.

    That is an entry of the memo far beyond the others, and a tuple used again: the hash of a pair of pairs of pairs ...
    of one value is a sum over all of them.
    """
    made_by, reusable = "", set[int]()
    operations: Iterator[tuple[Any, Any, Any]] = pickletools.genops(stream)
    for count, (opcode, argument, _) in enumerate(operations):
        name = opcode.name
        if name not in _OPERATIONS:
            raise PickleError(f"{name} is not an operation that weights need; refused")
        if count == MOST_OPERATIONS:
            raise PickleError(f"it has more than {MOST_OPERATIONS} operations; refused")
        if name in _GETS and argument not in reusable:
            raise PickleError(f"nothing that may be used again was kept as {argument}; refused")
        if name not in _PUTS:
            made_by = name
        elif argument > count:
            raise PickleError(f"a value is kept as {argument}, far beyond the others; refused")
        elif made_by in _MAKE_NO_TUPLE:
            reusable.add(argument)
        else:
            reusable.discard(argument)


class _Unpickler(pickle.Unpickler):
    """Python's reader of pickles; names and storages become what they are here, and nothing else."""

    def __init__(self, stream: BytesIO, storages: dict[str, Storage]) -> None:
        super().__init__(stream)
        self._storages = storages

    def find_class(self, module: str, name: str) -> _Global:
        """Stands in for what imports a module and takes a thing out of it."""
        if f"{module}.{name}" not in _GLOBALS:
            raise PickleError(f"the global {f'{module}.{name}'[:100]!r} is not one that weights need; refused")
        return _GLOBALS[f"{module}.{name}"]

    def persistent_load(self, identity: Any) -> Storage:
        """A storage, which lies outside the pickle, of its description inside."""
        made = _storage(identity)
        if self._storages.setdefault(made.key, made) != made:
            raise PickleError("one storage with two sizes or types")
        return made


def _storage(identity: Any) -> Storage:
    """Return the storage of ("storage", type, key, device, count, None); the last would be a view, used no more."""
    word, kind, key, _, count, view = identity
    if not (type(word) is str and word == "storage" and type(key) is str and view is None):
        raise PickleError("a storage without a key, or a view of another")
    if not isinstance(kind, _Global) or kind.name not in _TYPES:
        raise PickleError("a storage of numbers that are none of PyTorch's plain ones")
    if type(count) is not int or count < 0:
        raise PickleError("a storage whose length is no number")
    return Storage(key, np.dtype(_TYPES[kind.name]), count)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, requires_grad: Any, hooks: Any) -> StoredTensor:
    """Stands for a call of `torch._utils._rebuild_tensor_v2`; a tensor must lie inside its storage."""
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
        raise PickleError("a tensor without a storage, or that starts nowhere in it")
    if not (_are_counts(shape) and _are_counts(strides)) or len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise PickleError("a tensor whose size and strides do not go together")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # A stride of zero would make much of little: a tensor has no more numbers than its storage.
    if 0 in shape or last >= storage.length or prod(shape) > storage.length:
        raise PickleError(f"a tensor that is empty or reaches beyond the {storage.length} numbers of its storage")
    return StoredTensor(storage, offset, shape, strides)


_GLOBALS = {name: _Global(name) for name in _TYPES}
_GLOBALS["collections.OrderedDict"] = _Global("collections.OrderedDict", _Dictionary)
_GLOBALS["torch._utils._rebuild_tensor_v2"] = _Global("torch._utils._rebuild_tensor_v2", _tensor)


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values)
