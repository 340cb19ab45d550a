"""A model file before anything runs it: where it would have other files read from, and whether it was changed.

An ONNX file may keep weights in other files and name them. A name that leads out of the model's folder would have
the runtime read any file of whoever loads the model, so it is refused here; ONNX Runtime does the same only in newer
versions. The file's digest, stamped into it by `framestream export`, finds a copy that was damaged or edited. It is
no signature: who edits a file on purpose can stamp it anew, so compare it with one that came by another way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from framestream.errors import ModelError
from framestream.model.spec import KEY_PREFIX
from framestream.model.wire import LENGTH, read_spans

DIGEST_KEY = f"{KEY_PREFIX}digest"
"""Metadata key of the digest; see `digest_of`."""

ORT_SUFFIX = ".ort"
"""Files so named are in ONNX Runtime's own format, which names no others."""

# Fields of onnx.proto that lead to tensors: by message, number to the message inside.
_PATHS: Mapping[str, Mapping[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Tensor": {13: "Entry"},
    "Entry": {},
}
_MODEL_METADATA, _ENTRY_KEY, _ENTRY_VALUE = 14, 1, 2
_LOCATION = b"location"
# ONNX Runtime takes what follows this mark for an address in memory.
_MEMORY_MARK = "_ORT_MEM_ADDR_"
_DEEPEST = 100


def check_external_data(path: Path, content: bytes) -> None:
    """Refuse a model that would have files read from outside its folder.

    Args:
        path: The file; links are followed, so one that leads out of the folder is refused too.
        content: Content of the file.

    Raises:
        ModelError: The content is no ONNX model, or names a file outside the model's folder.
    """
    folder = path.absolute().parent
    try:
        names = sorted(set(external_files(content)))
    except ModelError as error:
        raise ModelError(f"{path} is not an ONNX model ({error})") from error
    for name in names:
        if _MEMORY_MARK in name or "\0" in name or not _is_inside(folder / name, folder):
            raise ModelError(
                f"{path} would read weights from {name!r}, outside its own folder; refused: use a file from somebody "
                "you trust, its weights beside it or inside"
            )


def external_files(content: bytes) -> Iterator[str]:
    """Yield the names of all files that an ONNX model keeps tensors in, wherever in it they are mentioned.

    Raises:
        ModelError: The bytes are no ONNX model.
    """
    for begin, end in _entries(content, "Model", 0, len(content), 0):
        spans = [span for span in read_spans(content, begin, end) if span.kind == LENGTH]
        # Of a key given twice the last counts; any of them counts here.
        if any(span.number == _ENTRY_KEY and content[span.first : span.end] == _LOCATION for span in spans):
            for span in spans:
                if span.number == _ENTRY_VALUE:
                    yield content[span.first : span.end].decode("utf-8", errors="replace")


def digest_of(content: bytes) -> str:
    """The digest of an ONNX file: `sha256:` and the hash of all its fields but the one that holds the digest.

    Raises:
        ModelError: The bytes are no ONNX model.
    """
    sums = hashlib.sha256()
    for span in read_spans(content):
        if not (span.number == _MODEL_METADATA and _is_digest(content, span.first, span.end)):
            sums.update(content[span.begin : span.end])
    return f"sha256:{sums.hexdigest()}"


def stamped_digest(content: bytes) -> str | None:
    """The digest that is written in an ONNX file; None if there is none.

    Raises:
        ModelError: The bytes are no ONNX model.
    """
    found = None
    for span in read_spans(content):
        if span.number == _MODEL_METADATA and _is_digest(content, span.first, span.end):
            values = [item for item in read_spans(content, span.first, span.end) if item.number == _ENTRY_VALUE]
            found = content[values[-1].first : values[-1].end].decode("utf-8", errors="replace") if values else ""
    return found


def _is_digest(content: bytes, begin: int, end: int) -> bool:
    key = DIGEST_KEY.encode()
    return any(
        span.number == _ENTRY_KEY and content[span.first : span.end] == key for span in read_spans(content, begin, end)
    )


def _entries(content: bytes, message: str, begin: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    """Where the pairs of key and value lie that say where a tensor's data is."""
    if message == "Entry":
        yield begin, end
        return
    if depth > _DEEPEST:
        raise ModelError("graphs inside graphs without end; export the model again")
    inside = _PATHS[message]
    for span in read_spans(content, begin, end):
        if span.kind == LENGTH and span.number in inside:
            yield from _entries(content, inside[span.number], span.first, span.end, depth + 1)


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return False
