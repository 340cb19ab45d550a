"""A dataclass as flat texts under keys, which a program in any language can read, and back.

A key is a prefix and the name of a field; the field's type says how its value is written. A field that is None by
default has no key while it is None. A field that holds a dataclass has a key for each field of that; what those begin
with stands in its own metadata, see `prefixed`. Which values a field may have stands there, too, see `limited`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

from framestream.errors import MetadataError, SettingsError
from framestream.escapes import abbreviate

_PREFIX = "prefix"
_LIMITS = "limits"
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition on the values of one field.

    Attributes:
        holds: Whether a value keeps the condition.
        reason: Why a value that does not keep it cannot be used; `str.format` puts the value in the place of `{}`.
    """

    holds: Callable[[Any], bool]
    reason: str


@dataclass(frozen=True, slots=True)
class _Format:
    """How the values of a type are written.

    Attributes:
        description: What a text of this type must be, in words.
        read: The value of a text; raises ValueError for a text that has none.
        write: The text of a value.
    """

    description: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


_TEXT = _Format("a text", str, str)
_NUMBER = _Format("a number", float, lambda value: repr(float(value)))
_NAMES = _Format("a name a line", lambda text: tuple(text.split("\n")) if text else (), "\n".join)
_FORMATS: dict[Any, _Format] = {
    str: _TEXT,
    # An empty text says "none" where there must be a key, so that a missing key stays an error.
    str | None: _Format("a text", lambda text: text or None, lambda value: value or ""),
    int: _Format("a whole number", int, str),
    float: _NUMBER,
    float | None: _NUMBER,
    tuple[str, ...]: _NAMES,
    tuple[str, ...] | None: _NAMES,
}


def prefixed(prefix: str) -> dict[str, str]:
    """Return the metadata of a field that holds a dataclass: the keys of that begin with `prefix`."""
    return {_PREFIX: prefix}


def limited(*limits: Limit) -> dict[str, tuple[Limit, ...]]:
    """Return the metadata of a field whose values must keep `limits`; None, where a field may be so, keeps all."""
    return {_LIMITS: limits}


def find_problem(values: Any) -> tuple[str, str] | None:
    """Return the first field of a dataclass that breaks a limit, by name, and why; None if all keep theirs."""
    for item in fields(values):
        value = getattr(values, item.name)
        for limit in item.metadata.get(_LIMITS, ()):
            if value is not None and not limit.holds(value):
                return item.name, limit.reason.format(_shortened(value))
    return None


def _shortened(value: Any) -> Any:
    """Return a value that can be put into a message, whatever its length."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
    return value if isinstance(value, float) else abbreviate(value)


def write_fields(values: Any, *, prefix: str) -> dict[str, str]:
    """Return the texts of a dataclass's values under their keys, in the order of its fields."""
    types, texts = get_type_hints(type(values)), dict[str, str]()
    for item in fields(values):
        value = getattr(values, item.name)
        if _PREFIX in item.metadata:
            texts |= write_fields(value, prefix=prefix + item.metadata[_PREFIX])
        elif value is not None or item.default is not None:
            texts[prefix + item.name] = _format(types[item.name]).write(value)
    return texts


def read_fields(kind: type, texts: Mapping[str, str], *, prefix: str, path: str | Path) -> dict[str, Any]:
    """Return the arguments with which a dataclass is made of its texts.

    Args:
        kind: The dataclass to read.
        texts: Texts under their keys; keys of no field are ignored.
        prefix: What the keys begin with.
        path: Where the texts come from, for messages.

    Raises:
        MetadataError: A key is missing or its text cannot be used.
    """
    types, values = get_type_hints(kind), dict[str, Any]()
    for item in fields(kind):
        key = prefix + item.name
        if _PREFIX in item.metadata:
            values[item.name] = _read_part(types[item.name], texts, prefix + item.metadata[_PREFIX], path)
        elif key in texts or item.default is not None:
            values[item.name] = read_value(types[item.name], texts, key=key, path=path)
    return values


def read_value(kind: Any, texts: Mapping[str, str], *, key: str, path: str | Path) -> Any:
    """Return one value of a type, as `read_fields` does."""
    if key not in texts:
        raise MetadataError(f"{path} lacks the metadata key {key}; export the model again")
    form, text = _format(kind), texts[key]
    try:
        return form.read(text)
    except ValueError as error:
        raise MetadataError(
            f"{path}: {key} is {abbreviate(text)}, not {form.description}; export the model again"
        ) from error


def _read_part(kind: type, texts: Mapping[str, str], prefix: str, path: str | Path) -> Any:
    values = read_fields(kind, texts, prefix=prefix, path=path)
    try:
        return kind(**values)
    except SettingsError as error:
        raise MetadataError(f"{path}: {prefix}… cannot be used: {error}; export the model again") from error


def _format(kind: Any) -> _Format:
    return _TEXT if get_origin(kind) is Literal else _FORMATS[kind]
