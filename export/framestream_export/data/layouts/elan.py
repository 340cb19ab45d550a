"""ELAN's .eaf files: annotations of a film on tiers, in XML.

The Language Archive, "EAF (ELAN Annotation Format)". TIME_SLOTs give milliseconds, ALIGNABLE_ANNOTATIONs on a TIER lie
between two of them, and a MEDIA_DESCRIPTOR names the film, where TIME_ORIGIN is the time of the film at which the
annotations' clock starts. Annotations that refer to others (REF_ANNOTATION) have no times and are comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from framestream.errors import DataError
from framestream_export.data.footage import Segment
from framestream_export.data.footage_files import is_video
from framestream_export.data.layouts.annotated_films import AnnotatedFilm, as_described, file_name, find_films, known
from framestream_export.data.layouts.annotation_files import files_named, may_be_xml_of, read_xml
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading
from framestream_export.data.layouts.timed_labels import joined

_ROOT = "ANNOTATION_DOCUMENT"
_WITHOUT_TIMES = "annotations have no times of their own and are left out"
_EMPTY = "annotations are empty and are left out"


def _is_one(path: Path) -> bool:
    return may_be_xml_of(path, _ROOT)


def _is_here(data: Path) -> bool:
    return bool(files_named(data, ".eaf", _is_one))


def _read(data: Path, reading: Reading) -> Found:
    paths = files_named(data, ".eaf", _is_one)
    if not paths:
        raise DataError(f"{data} has no .eaf file of ELAN")
    notes: Counter[str] = Counter()
    films = []
    for path in paths:
        with reading.problems.about(path), as_described("ELAN writes"):
            document = read_xml(path, _ROOT)
            names, origin_seconds = _film(document, path)
            segments = list(_segments(document, origin_seconds, notes))
            films.append(AnnotatedFilm(str(path), names, known(_of_one_tier(segments, document))))
    by = ", ".join(path.name for path in paths[:3]) + (", …" if len(paths) > 3 else "")
    found = find_films(films, reading, root=data if data.is_dir() else data.parent, by=by)
    return Found(found.recordings, (*found.warnings, *(f"{count} {what}" for what, count in notes.items())))


def _film(document: Element, path: Path) -> tuple[tuple[str, ...], float]:
    """The names that the film may have, and the time of the film at which the annotations' clock starts, seconds."""
    for media in document.iterfind("HEADER/MEDIA_DESCRIPTOR"):
        addresses = [media.get("RELATIVE_MEDIA_URL", ""), media.get("MEDIA_URL", "")]
        names = [file_name(unquote(address)) for address in addresses if address]
        if any(map(is_video, names)):
            return (*filter(is_video, names), path.stem), float(media.get("TIME_ORIGIN") or 0) / 1000
    return (path.stem,), 0.0


def _segments(document: Element, origin_seconds: float, notes: Counter[str]) -> Iterator[Segment]:
    units = next((header.get("TIME_UNITS") for header in document.iterfind("HEADER")), None) or "milliseconds"
    if units != "milliseconds":
        raise DataError(f"its times are in {units}; only milliseconds are read")
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in document.iterfind("TIME_ORDER/TIME_SLOT")}
    for annotation in document.iterfind("TIER/ANNOTATION/ALIGNABLE_ANNOTATION"):
        start, end = (slots[annotation.get(f"TIME_SLOT_REF{number}")] for number in (1, 2))
        label = (annotation.findtext("ANNOTATION_VALUE") or "").strip()
        if not label or start is None or end is None:
            notes[_EMPTY if not label else _WITHOUT_TIMES] += 1
            continue
        first, last = (float(time) / 1000 + origin_seconds for time in (start, end))
        yield Segment(max(first, 0.0), last, label)


def _of_one_tier(segments: list[Segment], document: Element) -> tuple[Segment, ...]:
    try:
        return joined(segments)
    except DataError as error:
        tiers = [tier.get("TIER_ID", "?") for tier in document.iterfind("TIER") if len(tier)]
        if len(tiers) < 2:
            raise
        raise DataError(f"{error}: keep one of its tiers ({', '.join(tiers)}), which is to give the labels") from None


LAYOUT = DataSetLayout("elan", _is_here, _read)
