"""Files written whole or not at all, and arrays in them."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError, FrameStreamError, SettingsError

# What NumPy and zipfile raise for files that are missing, cut short or overwritten.
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def make_writable(folder: Path) -> None:
    """Make a folder, or see that it is there and can be written to.

    Raises:
        SettingsError: The folder cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be made ({error.strerror}); give another place to write to") from error
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"{folder} cannot be written to; give another place")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line what keeps a file or folder from being written: a full disk, most likely.

    Raises:
        SettingsError: The file system refuses.
    """
    try:
        yield
    except FrameStreamError:  # some of which are an OSError too
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{place} cannot be written ({reason}); make room, or give another place") from error


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any], *, shared: bool = False) -> None:
    """Write a file beside its place and move it there whole.

    Args:
        path: Path of the file to write.
        write: Writes into a stream.
        shared: Another process may be writing the same file: the later one wins, neither disturbs the other.

    Raises:
        SettingsError: The file cannot be written.
    """
    own = f".{uuid.uuid4().hex[:8]}" if shared else ""
    partial = path.with_name(f"{path.name}{own}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)


def save_arrays(path: Path, arrays: Sequence[NDArray[Any]], *, note: Mapping[str, Any]) -> None:
    """Write arrays, in order, with a JSON note about them."""
    named: dict[str, Any] = {f"{index:05}": array for index, array in enumerate(arrays)}
    text = np.frombuffer(json.dumps(note).encode(), dtype=np.uint8)
    write_atomically(path, lambda stream: np.savez(stream, note=text, **named))


def load_arrays(path: Path) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    """Read the arrays, in order, and the note that `save_arrays` wrote.

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            note = json.loads(bytes(stored["note"]).decode())
            return [stored[name] for name in sorted(stored.files) if name != "note"], note
    except DAMAGED as error:
        raise DataError(f"{path} cannot be read ({error}); delete {path.parent} to start the run anew") from error
