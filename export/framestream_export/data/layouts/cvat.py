"""CVAT's XML for videos (version 1.1): labels of tracks, and tags of frames.

cvat.ai, "XML annotation format". Frames count from 0. A `track` has a label and shapes at frames; a shape that is
`outside` ends what can be seen. Tags stand alone, with their frame, or in an `image` whose id is the frame. The film is
the task's `source`. What is neither tracked nor tagged is background.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

from framestream.errors import DataError
from framestream_export.data.footage import Segment
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, as_described, file_name, find_films
from framestream_export.data.layouts.annotation_files import files_named, may_be_xml_of, read_xml
from framestream_export.data.layouts.frame_ranges import FrameClock, LabelledRange
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.layouts.timed_labels import joined

_ROOT = "annotations"


def _is_one(path: Path) -> bool:
    return may_be_xml_of(path, _ROOT)


def _is_here(data: Path) -> bool:
    return bool(files_named(data, ".xml", _is_one))


def _read(data: Path, reading: Reading) -> Found:
    paths = files_named(data, ".xml", _is_one)
    if not paths:
        raise DataError(f"{data} has no XML file that CVAT has exported for a video")
    films = []
    for path in paths:
        with reading.problems.about(path), as_described("CVAT exports for a video"):
            document = read_xml(path, _ROOT)
            if document.find("meta/project") is not None:
                raise DataError("it is the export of a project, whose frames are numbered through; export each task")
            films.append(
                AnnotatedFilm(
                    str(path),
                    _names(document, path),
                    partial(_timed, ranges=list(_ranges(document)), frame_rate=reading.frame_rate),
                )
            )
    by = ", ".join(path.name for path in paths[:3]) + (", …" if len(paths) > 3 else "")
    return find_films(films, reading, root=data if data.is_dir() else data.parent, by=by)


def _names(document: Element, path: Path) -> tuple[str, ...]:
    """Names the film may have: its own, the task's, the XML file's."""
    said = [document.findtext(f"meta/{place}") for place in ("task/source", "source", "job/source", "task/name")]
    names = [file_name(name.strip()) for name in said if name and name.strip()]
    return (*names, path.stem)


def _timed(video: Path, *, ranges: list[LabelledRange], frame_rate: float | None) -> tuple[Segment, ...]:
    if not ranges:
        return ()
    clock = FrameClock(video, frame_rate)
    return joined(clock.segment(one) for one in ranges)


def _ranges(document: Element) -> Iterator[LabelledRange]:
    """Ranges of frames with a label, counted from 1."""
    step = _step(document)
    for track in document.iterfind("track"):
        label = _label(track)
        shapes = sorted(
            (int(shape.attrib["frame"]), shape.get("outside") == "1")
            for shape in track
            if shape.get("frame") is not None
        )
        for (frame, outside), (following, _) in pairwise([*shapes, (shapes[-1][0] + step, True)] if shapes else []):
            if not outside:
                yield LabelledRange(frame + 1, max(frame + 1, following), label)
    tags = [(int(tag.attrib["frame"]), _label(tag)) for tag in document.iterfind("tag")]
    for image in document.iterfind("image"):
        tags += [(int(image.attrib["id"]), _label(tag)) for tag in image.iterfind("tag")]
    for frame, label in tags:
        yield LabelledRange(frame + 1, frame + step, label)


def _label(element: Element) -> str:
    return element.attrib["label"].strip()


def _step(document: Element) -> int:
    """Every how many frames the task shows: its frame filter is written step=N."""
    found = document.findtext("meta/task/frame_filter") or ""
    step = int(found.partition("step=")[2] or 1)
    if step < 1:
        raise DataError(f"its frame filter {found!r} is none")
    return step


LAYOUT = DataSetLayout("cvat", _is_here, _read, frozenset({"frame_rate"}))
