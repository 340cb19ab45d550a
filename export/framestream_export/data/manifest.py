"""FrameStream's own list of labelled video: a CSV file with the columns path, label, and, if wanted, others.

======  ================================================================================
path    of the video, relative to the manifest; several rows of one path are one recording
label   empty where a timeline NAME.csv lies beside NAME.mp4
start   seconds, belongs to the segment; empty is the start of the film
end     seconds, does not belong to it; empty is the end of the film
split   train, validation or test; empty leaves it to training
group   recordings of one group (a person, a place) stay in one split; empty is a group of its own
gaps    "background" where all that no row labels is background; empty leaves it unlabelled
======  ================================================================================

Lists that others made are read by other names of columns as well (`SPELLINGS`), in any case, with blanks or dashes for
underscores. Times may be mm:ss or hh:mm:ss. Other columns do not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.folder_names import in_words
from framestream_export.data.footage import SPLITS, Recording, Segment, in_order, shown_name
from framestream_export.data.headless_lists import is_headless, read_headless
from framestream_export.data.listed_files import ListedFiles
from framestream_export.data.manifest_writing import COLUMNS, write_manifest
from framestream_export.data.paths import Paths, to_nfc
from framestream_export.data.problems import Problems
from framestream_export.data.split_names import SPLIT_SPELLINGS
from framestream_export.data.tables import Row, column_name, columns_passed_over, read_header, read_rows
from framestream_export.data.time_columns import check_times_read
from framestream_export.data.timeline import LABEL_SPELLINGS, TIME_SPELLINGS, read_timeline, segment_of

__all__ = [
    "COLUMNS",
    "KNOWN_COLUMNS",
    "MANIFEST",
    "SPELLINGS",
    "is_manifest",
    "lists_clips",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.csv"
_NAMES = frozenset({MANIFEST, "manifest.tsv"})
SPELLINGS: Mapping[str, Sequence[str]] = {
    "path": (
        *("file", "filename", "file_name", "filepath", "file_path", "video", "video_name", "videoname", "video_path"),
        *("video_file", "video_filename", "clip", "clip_name", "clip_path", "clip_file", "name"),
        *("media_file_name", "media_file", "media", "movie", "video_id", "clip_id", "id"),
    ),
    "label": LABEL_SPELLINGS,
    **TIME_SPELLINGS,
    "split": ("subset", "partition", "set", "phase", "usage"),
    "group": ("subject", "person", "actor", "participant", "subject_id", "person_id", "participant_id"),
}
KNOWN_COLUMNS = (*SPELLINGS, *(name for names in SPELLINGS.values() for name in names))
_GAPS = {"": False, "background": True}


@dataclass(slots=True)
class _Entry:
    """What the rows of a manifest have said so far about one file."""

    path: Path
    name: str
    said: tuple[str | None, str, bool]
    segments: list[Segment]
    timeline: bool = False


def read_manifest(
    manifest: Path,
    problems: Problems,
    *,
    root: Path,
    paths: Paths,
    group_column: str | None = None,
    split: str | None = None,
    places: Sequence[Sequence[Path]] = (),
) -> list[Recording]:
    """The recordings that a manifest lists; what is wrong with a row is noted and the row left out.

    Args:
        manifest: Path of the manifest.
        problems: Where to note what is wrong.
        root: The data set's folder, which no path may leave.
        paths: Finds files by their path, each folder listed once.
        group_column: The column that groups recordings, if not "group".
        split: The split of rows that name none.
        places: Folders in which files may lie, besides that of the manifest, those that are as likely together.
    """
    group_by = column_name(group_column or "group")
    required = ("path", "label") if group_by == "group" else ("path", "label", group_by)
    listing = _Listing(ListedFiles(manifest, root, paths, places=places), paths)
    try:
        for row in _rows(manifest, required, listing.files):
            with problems.about(f"{manifest}, row {row.number}"):
                listing.add(row, group=to_nfc(row.text(group_by)), problems=problems)
    except DataError as error:
        problems.note(error)
    listing.files.warn(problems)
    if passed_over := columns_passed_over(manifest, asked=("gaps", *required), spellings=SPELLINGS):
        problems.warn(f"columns of {manifest.name} that are not read: {in_words(passed_over)}")
    recordings = []
    for entry in listing.entries.values():
        said_split, group, gaps = entry.said
        name = shown_name(entry.path, root)
        with problems.about(f"{manifest}: {entry.name}"):
            recordings.append(
                Recording(
                    path=entry.path,
                    name=name,
                    segments=in_order(entry.segments),
                    group=group or name,
                    split=said_split or split,
                    fill_background=entry.timeline or gaps,
                    manifest=manifest,
                )
            )
    return recordings


def is_manifest(name: str) -> bool:
    """Whether a file is a manifest by its name, in whichever case: not every system tells capitals apart."""
    return name.casefold() in _NAMES


def lists_clips(columns: Collection[str]) -> bool:
    """Whether a table has columns for clips and their labels, by the names of its columns."""
    return all({column, *SPELLINGS[column]} & set(columns) for column in ("path", "label"))


def _rows(manifest: Path, required: Sequence[str], files: ListedFiles) -> Iterator[Row]:
    known = {name for column in ("path", "label") for name in (column, *SPELLINGS[column])}
    if not known & set(read_header(manifest, known=sorted(known))) and is_headless(manifest, files):
        return read_headless(manifest)
    return read_rows(manifest, required=required, spellings=SPELLINGS)


class _Listing:
    """The files that the rows of a manifest name, and what they say about each."""

    def __init__(self, files: ListedFiles, paths: Paths) -> None:
        self.files, self._paths = files, paths
        self.entries: dict[str, _Entry] = {}  # by the file's real path: a.mp4 and ./a.mp4 are one file
        self._spelled: dict[str, _Entry] = {}  # by the row's own text, which is seldom another: nothing to look up then

    def add(self, row: Row, *, group: str, problems: Problems) -> None:
        """Add a row of the manifest.

        Raises:
            DataError: The row contradicts an earlier one, names no file, or has a label or times that cannot be.
        """
        said = (_split(row), group, _gaps(row))
        entry = self._spelled.get(row.text("path")) or self._entry(row.text("path"), said)
        if entry.said != said:
            raise DataError(
                f"an earlier row puts {entry.name} into another split or group, or says something else of its gaps"
            )
        if row.text("label"):
            check_times_read(row)
            entry.segments.append(segment_of(row))
        elif not entry.said[2]:  # without a label, a film whose gaps are background is one in which nothing happens
            timeline = entry.path.with_suffix(".csv")
            if self._paths.find(timeline) is None:
                raise DataError(f"the label is empty and there is no timeline {timeline}")
            entry.segments.extend(read_timeline(timeline, problems))
            entry.timeline = True

    def _entry(self, name: str, said: tuple[str | None, str, bool]) -> _Entry:
        path = self.files.find(name)
        real_path = self._paths.find(path) or self._paths.find_folder(path) or str(path)
        return self._spelled.setdefault(name, self.entries.setdefault(real_path, _Entry(path, name, said, [])))


def _split(row: Row) -> str | None:
    spelling = row.text("split").lower()
    if spelling and spelling not in SPLIT_SPELLINGS:
        raise DataError(
            f"split {spelling!r} is none of {', '.join(SPLITS)}; if the column says something else, call it"
            " something else"
        )
    return SPLIT_SPELLINGS.get(spelling)


def _gaps(row: Row) -> bool:
    spelling = row.text("gaps").lower()
    if spelling not in _GAPS:
        raise DataError(f"gaps {spelling!r} is neither background nor empty")
    return _GAPS[spelling]
