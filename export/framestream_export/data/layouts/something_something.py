"""Something-Something v2's JSON lists: clips by id, with the sentence that describes each.

Goyal et al., 'The "something something" video database for learning and evaluating visual common sense', ICCV 2017. A
list for each split (something-something-v2-train.json, or train.json) holds objects with `id`, `label` (the sentence),
`template` (with its objects in brackets: "Holding [something]") and `placeholders`. The class is the template without
brackets, as labels.json has it. Clips are ID.webm, or folders ID of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framestream.errors import DataError
from framestream_export.data.footage import Segment
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, as_described, find_films, known
from framestream_export.data.layouts.annotation_files import files_named, read_array, starts_with_array
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.split_names import split_of_list

_WHOLE_CLIP = float("inf")


def _is_list(path: Path) -> bool:
    return split_of_list(path.stem) is not None and starts_with_array(path, keys=('"id"',))


def _is_labelled(path: Path) -> bool:
    return _is_list(path) and starts_with_array(path, keys=('"id"', '"template"'))


def _is_here(data: Path) -> bool:
    return bool(files_named(data, ".json", _is_labelled))


def _read(data: Path, reading: Reading) -> Found:
    paths = files_named(data, ".json", _is_list)
    films, unlabelled = [], 0
    for path in paths:
        split = split_of_list(path.stem)
        for number, entry in enumerate(read_array(path), start=1):
            place = f"{path}, entry {number}"
            with reading.problems.about(place), as_described("Something-Something writes of a clip"):
                label = _label(entry)
                if label is None:
                    unlabelled += 1
                    continue
                segment = Segment(0.0, _WHOLE_CLIP, label)
                films.append(
                    AnnotatedFilm(
                        place, (f"{entry['id']}.webm",), known((segment,)), split=split, fill_background=False
                    )
                )
    if not films and not len(reading.problems):
        raise DataError(f"{data} has no list of clips with templates, such as something-something-v2-train.json")
    by = ", ".join(path.name for path in paths)
    found = find_films(films, reading, root=data if data.is_dir() else data.parent, by=by)
    told = (f"{unlabelled} clips have no label, as those for testing, and are left out",) if unlabelled else ()
    return Found(found.recordings, (*found.warnings, *told))


def _label(entry: Mapping[str, Any]) -> str | None:
    """The class of a clip, or None where the list keeps it back."""
    if isinstance(entry["id"], bool) or not isinstance(entry["id"], (str, int)) or not str(entry["id"]).isalnum():
        raise DataError(f"the id {entry['id']!r} is no name of a clip")
    text = entry.get("template")
    if text is None:
        text = entry.get("label")
    if text is not None and not isinstance(text, str):
        raise DataError(f"the template {text!r} is no text")
    return None if text is None else text.replace("[", "").replace("]", "")


LAYOUT = DataSetLayout("something-something", _is_here, _read)
