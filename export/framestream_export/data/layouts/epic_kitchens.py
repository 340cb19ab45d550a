"""EPIC-KITCHENS: CSV files with video_id, start_timestamp, stop_timestamp and verb for every action.

Damen et al., "Rescaling Egocentric Vision", IJCV 2022 (EPIC_100_train.csv, EPIC_100_validation.csv), and "Scaling
Egocentric Vision", ECCV 2018. The class is the verb's, called by its key in EPIC_100_verb_classes.csv where that lies
beside, else by the verb that narrators used most. Films are called P01_01.MP4, or are folders of frames; what a
participant filmed is a group. Actions overlap, and what nobody narrated is unlabelled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Segment
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, find_films, known
from framestream_export.data.layouts.annotation_files import files_named
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.layouts.timed_labels import one_at_a_time
from framestream_export.data.split_names import split_of_list
from framestream_export.data.tables import Row, read_header, read_rows

_REQUIRED = ("video_id", "start_timestamp", "stop_timestamp")
_CLASSES = "*verb_classes.csv"


def _is_one(path: Path) -> bool:
    return set(_REQUIRED) <= set(read_header(path, known=_REQUIRED))


def _is_here(data: Path) -> bool:
    return any("verb" in read_header(path, known=_REQUIRED) for path in files_named(data, ".csv", _is_one))


def _read(data: Path, reading: Reading) -> Found:
    root = data if data.is_dir() else data.parent
    tables = files_named(data, ".csv", _is_one)
    if not tables:
        raise DataError(f"{data} has no CSV file with the columns {', '.join(_REQUIRED)}, verb")
    warnings = []
    rows: list[tuple[Path, Row]] = []
    for table in tables:
        if "verb" not in read_header(table, known=_REQUIRED):
            warnings.append(f"{table.name} has no verbs, as the official test list, and is left out")
            continue
        rows += [(table, row) for row in read_rows(table, required=(*_REQUIRED, "verb"))]
    labels = _labels(root, rows)
    films: dict[str, list[tuple[Path, Row, Segment]]] = defaultdict(list)
    for table, row in rows:
        with reading.problems.about(f"{table}, row {row.number}"):
            segment = _segment(row, labels)
            films[row.text("video_id")].append((table, row, segment))
    annotated, overlapping = [], 0
    for video_id, its in films.items():
        table, row, _ = its[0]
        segments, doubtful_seconds = one_at_a_time([segment for _, _, segment in its])
        overlapping += doubtful_seconds > 0
        split = split_of_list(table.stem)
        with reading.problems.about(f"{table}, row {row.number}"):
            if any(split_of_list(other.stem) != split for other, _, _ in its):
                raise DataError(f"{video_id} is in lists of different splits; one film is in one split")
            annotated.append(
                AnnotatedFilm(
                    f"{table}, film {video_id}",
                    (video_id,),
                    known(segments),
                    group=row.text("participant_id") or video_id.partition("_")[0],
                    split=split,
                    fill_background=False,
                )
            )
    if overlapping:
        warnings.append(
            f"{overlapping} films have times with several verbs, of which the one that began last was taken"
        )
    found = find_films(annotated, reading, root=root, by=", ".join(table.name for table in tables))
    return Found(found.recordings, (*found.warnings, *warnings))


def _labels(root: Path, rows: list[tuple[Path, Row]]) -> dict[str, str]:
    """Names of the classes of verbs, by their number."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for _, row in rows:
        used[row.text("verb_class")][row.text("verb")] += 1
    names = {number: max(sorted(verbs), key=verbs.__getitem__) for number, verbs in used.items() if number}
    for path in [*sorted(root.glob(_CLASSES)), *sorted(root.glob(f"*/{_CLASSES}"))]:
        names |= {row.text("id"): row.text("key") for row in read_rows(path, required=("id", "key"))}
    return names


def _segment(row: Row, labels: dict[str, str]) -> Segment:
    for column in _REQUIRED:
        _required(row, column)
    start, end = (row.seconds(column, otherwise=0.0) for column in _REQUIRED[1:])
    return Segment(start, end, labels.get(row.text("verb_class")) or _required(row, "verb"))


def _required(row: Row, column: str) -> str:
    if not row.text(column):
        raise DataError(f"{column} is empty")
    return row.text(column)


LAYOUT = DataSetLayout("epic-kitchens", _is_here, _read)
