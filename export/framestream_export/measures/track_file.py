"""Tracks on disk, so that what a model said need not be asked again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Recording
from framestream_export.measures.tracks import Track
from framestream_export.run_folder import load_arrays, save_arrays


def save_tracks(path: Path, tracks: Sequence[Track]) -> None:
    """Write tracks; their recordings by name only.

    Raises:
        SettingsError: The file cannot be written.
    """
    arrays = [array for one in tracks for array in (one.pts_seconds, one.probabilities, one.labels, one.breaks)]
    save_arrays(path, arrays, note={"recordings": [track.recording.name for track in tracks]})


def load_tracks(path: Path, recordings: Iterable[Recording]) -> list[Track]:
    """The inverse, given the recordings that the names mean.

    Raises:
        DataError: The file is missing or damaged, or names other recordings.
    """
    arrays, note = load_arrays(path)
    known = {recording.name: recording for recording in recordings}
    names = note["recordings"]
    if len(arrays) != 4 * len(names) or not known.keys() >= set(names):
        raise DataError(f"{path} is of other recordings; train into a new folder")
    return [Track(known[name], *arrays[4 * index : 4 * index + 4]) for index, name in enumerate(names)]
