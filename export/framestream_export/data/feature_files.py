"""Files of features: what an encoder said of each frame of one film, in place of the film.

A file is NumPy's .npz, not compressed: a zip with four arrays, which `numpy.load(path, allow_pickle=False)` reads.

==============  ============  ========================================================================================
features        float32 N, D  a row a frame; of the pose encoder 17 joints of x, y (0..1 of the picture) and score
pts_seconds     float64 N     when each frame is shown; never runs backwards
segment_frames  int64 S       how many frames lie between two gaps of the film, in order; their sum is N
note            uint8         JSON: `format`, `version`, `source`, and the fields of `FeatureMaker`
==============  ============  ========================================================================================

Whatever a file holds, reading it runs nothing, and takes no more memory than the file has bytes.
"""

from __future__ import annotations

import json
import os
import tokenize
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError, UnreadableSourceError
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.files import write_atomically

_FORMAT, _VERSION = "framestream-features", 1
_NOTE = "note"
_ARRAYS: Mapping[str, tuple[str, int]] = {  # type and number of axes
    "features": ("<f4", 2),
    "pts_seconds": ("<f8", 1),
    "segment_frames": ("<i8", 1),
    _NOTE: ("|u1", 1),
}
_LARGEST_NOTE = 1 << 16
# All that zipfile, NumPy's header and JSON raise for files that are cut short, overwritten, or made to break readers.
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, RecursionError, SyntaxError),
    *(TypeError, OverflowError, MemoryError, zipfile.BadZipFile, tokenize.TokenError),
)


@dataclass(frozen=True, slots=True)
class RecordedFeatures:
    """What an encoder said of a film.

    Attributes:
        maker: The encoder.
        features: float32 [N, D], finite.
        pts_seconds: float64 [N], presentation times, never running backwards.
        segment_frames: Numbers of frames between two gaps; their sum is N.
        source: Which film it was, by its name and state, so that a film that changed is encoded again.
    """

    maker: FeatureMaker
    features: NDArray[np.float32]
    pts_seconds: NDArray[np.float64]
    segment_frames: tuple[int, ...]
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what no encoder says of a film."""
        count = len(self.pts_seconds)
        if not count:
            raise DataError("it holds no frame")
        if self.features.shape != (count, self.maker.feature_dim):
            raise DataError(
                f"features are {list(self.features.shape)}, and not [{count}, {self.maker.feature_dim}] as its times"
                " and its note say"
            )
        if min(self.segment_frames, default=0) < 1 or sum(self.segment_frames) != count:
            raise DataError(f"its segments have {sum(self.segment_frames)} frames, and not {count}")
        if not np.isfinite(self.features).all():
            raise DataError("features are not all finite numbers")
        if not np.isfinite(self.pts_seconds).all() or (np.diff(self.pts_seconds) < 0).any():
            raise DataError("times are not all finite, or run backwards")


def write_features(path: Path, recorded: RecordedFeatures) -> None:
    """Write a file of features, whole or not at all; the same features give the same bytes.

    Raises:
        SettingsError: The file cannot be written.
    """
    note = {"format": _FORMAT, "version": _VERSION, "source": recorded.source, **asdict(recorded.maker)}
    arrays = {
        "features": recorded.features.astype("<f4"),
        "pts_seconds": recorded.pts_seconds.astype("<f8"),
        "segment_frames": np.asarray(recorded.segment_frames, "<i8"),
        _NOTE: np.frombuffer(json.dumps(note).encode(), np.uint8),
    }
    write_atomically(path, partial(np.savez, **arrays))  # type: ignore[arg-type]  # its first argument is the stream


def read_features(path: Path) -> RecordedFeatures:
    """Read a file of features.

    Raises:
        UnreadableSourceError: It cannot be read, or is no such file; the message says what to do.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            note = _read_note(archive)
            recorded = RecordedFeatures(
                FeatureMaker.from_json(note),
                _read_array(archive, "features"),
                _read_array(archive, "pts_seconds"),
                tuple(int(count) for count in _read_array(archive, "segment_frames")),
                str(note["source"]),
            )
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return recorded


def read_maker(path: Path) -> tuple[FeatureMaker, str]:
    """Read only which encoder made a file of features, and the film's name and state.

    Raises:
        UnreadableSourceError: The file cannot be read, or is no such file; the message says what to do.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            note = _read_note(archive)
            return FeatureMaker.from_json(note), str(note["source"])
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _read_note(archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(f"{_NOTE}.npy").file_size > _LARGEST_NOTE:
        raise ValueError("its note is too long")
    note = json.loads(_read_array(archive, _NOTE).tobytes().decode())
    if not isinstance(note, dict) or note.get("format") != _FORMAT:
        raise ValueError("its note is none of features")
    if note.get("version") != _VERSION:
        raise ValueError(f"it is of version {note.get('version')!r}, and this FrameStream reads {_VERSION}")
    if not isinstance(note.get("source"), str):
        raise ValueError("its note names no source")
    return note


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """An array of the archive: nothing is made room for before the bytes are there.

    Raises:
        ValueError: It is not of the type that it must have, or is compressed.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(member) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{name} is of another version of NumPy's format")
        shape, is_by_column, dtype = np.lib.format.read_array_header_1_0(stream)
        wanted, axes = _ARRAYS[name]
        if dtype != np.dtype(wanted) or len(shape) != axes or is_by_column:
            raise ValueError(f"{name} is {dtype} {list(shape)}, and not {np.dtype(wanted)} of {axes} axes by rows")
        return np.frombuffer(stream.read(), dtype).reshape(shape)


def _unreadable(path: Path, error: BaseException) -> UnreadableSourceError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # Messages quote what the file says of itself.
    reason = "".join(letter if letter.isprintable() else " " for letter in said or type(error).__name__)[:200]
    return UnreadableSourceError(
        f"{os.fspath(path)} cannot be read as features ({reason}); make it again with `framestream embed`"
    )
