"""VIA 3, the VGG Image Annotator's project of video annotations, a JSON file.

Dutta and Zisserman, "The VIA Annotation Software for Images, Audio and Video", ACM Multimedia 2019. `file` holds the
films, `view` which file is shown, `metadata` the marks: `vid` the view, `z` times in seconds (two for a segment, none
for the whole film), `xy` a region, `av` values by attribute. `attribute` says what values mean: text, or the number of
an option.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framestream.errors import DataError
from framestream_export.data.footage import Segment
from framestream_export.data.footage_files import is_video
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, as_described, file_name, find_films, known
from framestream_export.data.layouts.annotation_files import files_named, read_object
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.layouts.timed_labels import joined

_KEYS = {"project", "file", "view", "metadata", "attribute"}
_TEXT, _CHECKBOX = 1, 2
_OF_FILMS, _OF_SEGMENTS = "Z0_XY0", "Z2_XY0"  # how an attribute is anchored: to the whole film, to a segment
_REGIONS = "marks of regions or of single frames are left out"
_UNMARKED = "films have no marked segment and are left out"


def _is_one(path: Path) -> bool:
    content = read_object(path)
    return set(content) >= _KEYS and all(isinstance(content[key], dict) for key in _KEYS)


def _is_here(data: Path) -> bool:
    return bool(files_named(data, ".json", _is_one))


def _read(data: Path, reading: Reading) -> Found:
    paths = files_named(data, ".json", _is_one)
    if not paths:
        raise DataError(f"{data} has no JSON file that is a project of VIA 3")
    notes: Counter[str] = Counter()
    films: list[AnnotatedFilm] = []
    for path in paths:
        project = read_object(path)
        segments = _segments_by_film(path, project, reading, notes)
        for fid, entry in project["file"].items():
            place = f"{path}, file {fid}"
            with reading.problems.about(place), as_described("VIA writes of a file"):
                name = file_name(entry.get("fname") or entry["src"])
                its = segments.get(str(fid), [])
                if not is_video(name):
                    continue
                if not its:
                    notes[_UNMARKED] += 1
                    continue
                whole = all(math.isinf(one.end_seconds) for one in its)
                films.append(AnnotatedFilm(place, (name,), known(joined(its)), fill_background=not whole))
    by = ", ".join(path.name for path in paths)
    found = find_films(films, reading, root=data if data.is_dir() else data.parent, by=by)
    return Found(found.recordings, (*found.warnings, *(f"{count} {what}" for what, count in notes.items())))


def _segments_by_film(
    path: Path, project: Mapping[str, Any], reading: Reading, notes: Counter[str]
) -> dict[str, list[Segment]]:
    """The labelled segments of each file, by its number."""
    segments: dict[str, list[Segment]] = {}
    for key, mark in project["metadata"].items():
        with reading.problems.about(f"{path}, metadata {key}"), as_described("VIA writes of a mark"):
            times = [float(time) for time in mark["z"]]
            if mark.get("xy") or len(times) == 1:
                notes[_REGIONS] += 1
                continue
            if len(times) not in (0, 2):
                raise DataError(f"{len(times)} times are neither a segment nor a whole film")
            anchor = _OF_SEGMENTS if times else _OF_FILMS
            label = _label(mark["av"], project["attribute"], anchor)
            start, end = times or (0.0, math.inf)
            for fid in project["view"][str(mark["vid"])]["fid_list"]:
                segments.setdefault(str(fid), []).append(Segment(start, end, label))
    return segments


def _label(values: Mapping[str, Any], attributes: Mapping[str, Any], anchor: str) -> str:
    """What a mark says: the value of the attribute that is meant for such marks, or its only value."""
    said = {str(key): str(value).strip() for key, value in values.items() if str(value).strip()}
    meant = [key for key in said if str(attributes[key].get("anchor_id", "")).endswith(anchor)] or list(said)
    if len(meant) != 1:
        names = ", ".join(str(attributes[key].get("aname", key)) for key in meant) or "none"
        raise DataError(f"one attribute is needed that says the label; this mark has {names}")
    attribute, value = attributes[meant[0]], said[meant[0]]
    if attribute.get("type") == _TEXT:
        return value
    if attribute.get("type") == _CHECKBOX and "," in value:
        raise DataError(f"{attribute.get('aname')} has several values ({value}); one is needed")
    return str(attribute.get("options", {}).get(value, value)).strip()


LAYOUT = DataSetLayout("via", _is_here, _read)
