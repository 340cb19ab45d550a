"""Pickles read as data: a stack machine that builds plain values and never runs, imports or looks up anything.

A pickle is a program. Python's own reader resolves the names in it and calls what they stand for, so reading a
stranger's pickle is running a stranger's code. Here names stay text, a call is one of the few makers that the reader of
a format hands in, and every other operation is refused.

Source: the opcodes as `pickletools` of the standard library describes them; it takes them apart, and runs none.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

Maker = Callable[[tuple[Any, ...]], Any]


class PickleError(ValueError):
    """A pickle that is damaged, or asks for more than plain values; the text says which opcode, where."""


@dataclass(frozen=True, slots=True)
class Name:
    """A global that a pickle refers to, "module name": text and nothing else."""

    text: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a format's pickles may speak of.

    Attributes:
        makers: What stands in for calling a global, by its name: a function of ours, given the call's arguments. It
            raises PickleError for arguments that it cannot use.
        names: Globals that may be mentioned, not called.
        persistent: What stands in for an object kept outside the pickle, given its id.
    """

    makers: Mapping[str, Maker]
    names: frozenset[str] = frozenset()
    persistent: Callable[[Any], Any] | None = None


_MARK = object()
# A tensor takes about thirty-five, so this is a network of 28,000 tensors, read in seconds.
MOST_OPERATIONS = 1_000_000
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_ARGUMENTS = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_pickle(stream: BytesIO, vocabulary: Vocabulary) -> Any:
    """The value of the pickle that starts where `stream` is; leaves `stream` after it.

    Args:
        stream: In memory, so that a length the pickle claims cannot make Python reserve more than there is.
        vocabulary: What the pickle may speak of.

    Returns:
        None, bool, int, str, tuples, lists, dicts with str keys, and what the makers made.

    Raises:
        PickleError: See there.
    """
    machine = _Machine(vocabulary)
    start = stream.tell()
    operations = pickletools.genops(stream)
    for _ in range(MOST_OPERATIONS):
        try:
            opcode, argument, position = next(operations)
        except (ValueError, StopIteration) as error:
            raise PickleError(f"the pickle at byte {start} is cut short or damaged") from error
        if opcode.name == "STOP":
            return machine.result()
        try:
            machine.run(opcode.name, argument)
        except PickleError as error:
            raise PickleError(f"{opcode.name} at byte {position}: {error}") from error
    raise PickleError(f"the pickle at byte {start} has more than {MOST_OPERATIONS} operations; refused")


class _Machine:
    """A stack and a memo. Values are taken apart by type before they are used: a hostile one may be deep and shared."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        if len(self._stack) != 1 or self._stack[0] is _MARK:
            raise PickleError("the pickle ends without one value")
        return self._stack[0]

    def run(self, opcode: str, argument: Any) -> None:
        """Carry out one operation.

        Raises:
            PickleError: It is not one of those known here, or the stack does not hold what it needs.
        """
        push = self._stack.append
        if opcode in _ARGUMENTS:
            push(argument)
        elif opcode in _CONSTANTS:
            push(_CONSTANTS[opcode])
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._top(object)
        elif opcode in ("BINGET", "LONG_BINGET"):
            push(self._remembered(argument))
        elif opcode == "MARK":
            push(_MARK)
        elif opcode == "TUPLE":
            push(tuple(self._since_mark()))
        elif opcode in _TUPLES:
            push(tuple(reversed([self._pop() for _ in range(_TUPLES[opcode])])))
        elif opcode == "EMPTY_DICT":
            push({})
        elif opcode == "EMPTY_LIST":
            push([])
        elif opcode == "APPENDS":
            items = self._since_mark()
            self._top(list).extend(items)
        elif opcode == "SETITEM":
            value, key = self._pop(), self._pop()
            self._set([key, value])
        elif opcode == "SETITEMS":
            self._set(self._since_mark())
        elif opcode == "GLOBAL":
            push(self._name(argument))
        elif opcode == "REDUCE":
            arguments, function = self._pop(), self._pop()
            push(self._made(function, arguments))
        elif opcode == "BINPERSID":
            push(self._persistent(self._pop()))
        elif opcode == "BUILD":  # attributes of a dict, such as the versions in a state dict's: nothing we need
            if not isinstance(self._pop(), dict):
                raise PickleError("attributes that are no dict")
            self._top(dict)
        elif opcode != "PROTO":
            raise PickleError("not an operation that weights need; refused")

    def _top(self, kind: type) -> Any:
        if not self._stack or self._stack[-1] is _MARK or not isinstance(self._stack[-1], kind):
            raise PickleError(f"expects a {kind.__name__} on the stack")
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top(object)
        self._stack.pop()
        return value

    def _since_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise PickleError("expects a mark on the stack")

    def _set(self, pairs: list[Any]) -> None:
        target, keys = self._top(dict), pairs[::2]
        if len(pairs) % 2 or not all(type(key) is str for key in keys):
            raise PickleError("expects keys that are text, each with a value")
        target.update(zip(keys, pairs[1::2], strict=True))

    def _remembered(self, index: int) -> Any:
        if index not in self._memo:
            raise PickleError(f"nothing was kept under {index}")
        return self._memo[index]

    def _name(self, text: str) -> Name:
        if text not in self._vocabulary.makers and text not in self._vocabulary.names:
            raise PickleError(f"the global {text.replace(' ', '.')[:100]!r} is not one that weights need; refused")
        return Name(text)

    def _made(self, function: Any, arguments: Any) -> Any:
        maker = self._vocabulary.makers.get(function.text) if isinstance(function, Name) else None
        if maker is None or not isinstance(arguments, tuple):
            raise PickleError("a call of something that weights do not need; refused")
        return maker(arguments)

    def _persistent(self, identity: Any) -> Any:
        if self._vocabulary.persistent is None:
            raise PickleError("an object outside the pickle")
        return self._vocabulary.persistent(identity)
