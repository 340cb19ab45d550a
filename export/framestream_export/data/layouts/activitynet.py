"""ActivityNet's JSON, in which others publish labelled films as well (HACS, FineAction, THUMOS14).

Heilbron, Escorcia, Ghanem and Niebles, "ActivityNet: A Large-Scale Video Benchmark for Human Activity Understanding",
CVPR 2015. `database` holds by the film's id its `subset` (training, validation, testing) and `annotations`: a `label`
and a `segment` of two times in seconds. Films are called v_ID.mp4 or ID.mp4. All instances of a film's activity are
marked, so the rest is background.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framestream.errors import DataError
from framestream_export.data.footage import SPLITS, Segment
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, as_described, find_films, known
from framestream_export.data.layouts.annotation_files import files_named, read_object
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.layouts.timed_labels import one_at_a_time
from framestream_export.data.split_names import SPLIT_SPELLINGS

_NOT_ANNOTATED = "films have no annotation, as those for testing, and are left out"
_EMPTY = "annotations end before they begin, and are left out"
_SEVERAL = "films have times with several labels, of which the one that began last was taken"


def _is_one(path: Path) -> bool:
    database = read_object(path).get("database")
    return isinstance(database, dict) and all(isinstance(entry, dict) for entry in list(database.values())[:1])


def _is_here(data: Path) -> bool:
    return bool(files_named(data, ".json", _is_one))


def _read(data: Path, reading: Reading) -> Found:
    paths = files_named(data, ".json", _is_one)
    if not paths:
        raise DataError(f'{data} has no JSON file with a "database" of films')
    notes: Counter[str] = Counter()
    films = []
    for path in paths:
        for film_id, entry in read_object(path)["database"].items():
            place = f"{path}, film {film_id}"
            with reading.problems.about(place), as_described("ActivityNet writes of a film"):
                segments = _segments(entry, notes)
                if not segments:
                    notes[_NOT_ANNOTATED] += 1
                    continue
                cut, doubtful_seconds = one_at_a_time(segments)
                notes[_SEVERAL] += doubtful_seconds > 0
                names = (film_id, f"v_{film_id}")
                films.append(AnnotatedFilm(place, names, known(cut), split=_split(entry)))
    found = find_films(films, reading, root=data if data.is_dir() else data.parent, by=_names(paths))
    return Found(found.recordings, (*found.warnings, *(f"{count} {what}" for what, count in notes.items() if count)))


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _segments(entry: Mapping[str, Any], notes: Counter[str]) -> list[Segment]:
    segments = []
    for annotation in entry.get("annotations") or ():
        start, end = map(float, annotation["segment"])
        if end <= start:
            notes[_EMPTY] += 1
            continue
        label = annotation["label"]
        if not isinstance(label, str):
            raise DataError(f"the label {label!r} is no text")
        segments.append(Segment(start, end, label))
    return segments


def _split(entry: Mapping[str, Any]) -> str | None:
    subset = str(entry.get("subset") or "").lower()
    if subset and subset not in SPLIT_SPELLINGS:
        raise DataError(f"subset {subset!r} is none of {', '.join(SPLITS)}")
    return SPLIT_SPELLINGS.get(subset)


LAYOUT = DataSetLayout("activitynet", _is_here, _read)
