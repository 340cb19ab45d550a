"""JSON and XML files that annotation programs write: found, and parsed without trust in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from framestream.errors import DataError

_LOOKED_AT_BYTES = 4096


def files_named(data: Path, suffix: str, is_one: Callable[[Path], bool]) -> list[Path]:
    """The files of a suffix that are of a kind: the data itself, or those in it and in the folders right below.

    Args:
        data: The data set's folder, or one file.
        suffix: The suffix, such as ".json", in lower case.
        is_one: Whether a file is of the kind.
    """
    if data.is_file():
        candidates = [data]
    elif data.is_dir():
        candidates = [*sorted(data.glob("*")), *sorted(data.glob("*/*"))]
    else:
        candidates = []
    return [path for path in candidates if path.suffix.lower() == suffix and path.is_file() and is_one(path)]


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds; empty where the file holds none.

    Other programs' files may be large and are seldom annotations, so the first sign decides whether to go on.
    """
    try:
        with path.open("rb") as stream:
            if not stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                return {}
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def starts_with_array(path: Path, *, keys: Sequence[str]) -> bool:
    """Whether a JSON file may hold an array of objects with these keys, quotes included, by a look at its beginning."""
    try:
        with path.open("rb") as stream:
            beginning = stream.read(_LOOKED_AT_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return False
    return beginning.startswith(b"[") and all(key.encode() in beginning for key in keys)


def read_array(path: Path) -> list[Any]:
    """The array that a JSON file holds.

    Raises:
        DataError: It cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON that can be read ({error}); get it again") from error
    if not isinstance(content, list):
        raise DataError(f"{path} holds no array")
    return content


def may_be_xml_of(path: Path, tag: str) -> bool:
    """Whether an XML file may have that root, by a look at its beginning."""
    try:
        with path.open("rb") as stream:
            return f"<{tag}".encode() in stream.read(_LOOKED_AT_BYTES).replace(b"\0", b"")
    except OSError:
        return False


def read_xml(path: Path, tag: str) -> ElementTree.Element:
    """The root of an XML file; errors leave it to the caller to name the file.

    Raises:
        DataError: It cannot be read, is no XML, has another root, or defines a document type of its own.
    """
    parser = ElementTree.XMLParser(target=_WithoutTypes())
    try:
        parser.feed(path.read_bytes())
        root = parser.close()
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DataError(f"it is not XML that can be read ({error}); export it again") from error
    if not isinstance(root, ElementTree.Element) or root.tag != tag:
        raise DataError(f"it is another kind of XML: its root is not {tag}")
    return root


class _WithoutTypes(ElementTree.TreeBuilder):
    """Refuses document types: entities defined there may grow a small file to gigabytes."""

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise ValueError(f"it defines a document type {name}")
