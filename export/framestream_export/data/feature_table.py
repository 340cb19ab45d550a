"""Files of features gathered into one table on the disk, as decoded frames are: training reads rows from all over it.

The table's folder is named after the files that it was made of, so the next run with the same files finds it ready.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from framestream.errors import DataError, UnreadableSourceError
from framestream_export.data.decoding import INDEX, TIMES, sha256_of, take_place
from framestream_export.data.feature_files import read_features
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.file_states import state_of
from framestream_export.data.footage import Recording
from framestream_export.files import writing

_TABLE, _MAKER = "features.f32", "maker.json"


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The features of several recordings, one after the other.

    Attributes:
        path: The file that holds them, float32 [N, D].
        maker: The encoder that made all of them.
        pts_seconds: float64 [N], presentation time of each frame in its film.
        index: What became of each file: `segment_frames` and `sha256`, or the `reason` why it cannot be read.
    """

    path: Path
    maker: FeatureMaker
    pts_seconds: NDArray[np.float64]
    index: Sequence[dict[str, Any]]

    def read(self, first: int, stop: int) -> NDArray[np.float32]:
        """Rows [first, stop), float32 [stop - first, D], in memory of their own.

        Raises:
            DataError: The file is shorter than it was.
        """
        width = self.maker.feature_dim
        found = np.fromfile(self.path, np.float32, (stop - first) * width, offset=4 * first * width)
        if len(found) != (stop - first) * width:
            raise DataError(f"{self.path} is shorter than it was; delete its folder to have the features read anew")
        return found.reshape(stop - first, width)


def open_feature_table(recordings: Sequence[Recording], folder: Path, *, console: Console) -> FeatureTable:
    """Gather files of features into `folder`, or find them there.

    Raises:
        DataError: No file can be read, or not all were made by one encoder.
        SettingsError: The folder cannot be written to, or the disk is full.
    """
    facts = ["features-1", *(state_of(recording) for recording in recordings)]
    home = folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    if not (home / INDEX).is_file():
        part = home.with_name(f"{home.name}.part.{uuid.uuid4().hex[:8]}")
        try:
            with writing(home.parent):
                part.mkdir(parents=True)
                _gather(recordings, part, console=console)
                take_place(part, home)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return FeatureTable(
        home / _TABLE,
        FeatureMaker.from_json(json.loads((home / _MAKER).read_text(encoding="utf-8"))),
        np.load(home / TIMES, allow_pickle=False),
        json.loads((home / INDEX).read_text(encoding="utf-8")),
    )


def _gather(recordings: Sequence[Recording], home: Path, *, console: Console) -> None:
    times: list[NDArray[np.float64]] = []
    entries: list[dict[str, Any]] = []
    first: tuple[Path, FeatureMaker] | None = None
    with (home / _TABLE).open("wb") as table:
        for recording in track(
            recordings,
            description="reading features",
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ):
            entry: dict[str, Any] = {"name": recording.name}
            entries.append(entry)
            try:
                found = read_features(recording.path)
                entry["sha256"] = sha256_of(recording.path)
            except UnreadableSourceError as error:
                entry["reason"] = str(error)
                continue
            entry["segment_frames"] = found.segment_frames
            first = first or (recording.path, found.maker)
            check_one_maker(first, (recording.path, found.maker))
            table.write(found.features.tobytes())
            times.append(found.pts_seconds)
    if first is None:
        raise DataError(f"{entries[0]['reason']}; so it is with all {len(entries)} files of features")
    np.save(home / TIMES, np.concatenate(times))
    (home / _MAKER).write_text(json.dumps(asdict(first[1])), encoding="utf-8")
    # The index comes last: a table with an index is whole.
    (home / INDEX).write_text(json.dumps(entries), encoding="utf-8")


def check_one_maker(first: tuple[Path, FeatureMaker], other: tuple[Path, FeatureMaker]) -> None:
    """Refuse features of two encoders in one data set.

    Args:
        first: A file and the encoder that made it.
        other: Another one.

    Raises:
        DataError: They are not the same encoder; the message names both.
    """
    if not first[1].makes_the_same(other[1]):
        raise DataError(
            f"{other[0]} was made by {other[1]}, and {first[0]} by {first[1]}: a model learns from one encoder only;"
            " embed all films with the same options"
        )
