"""Recordings that show the same: by their bytes, and by what moves in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from framestream_export.data.examination import Copy, Kind
from framestream_export.data.footage import Recording
from framestream_export.data.matching import find_copies
from framestream_export.data.probing import Probe


def copies_among(probes: Sequence[Probe]) -> tuple[Copy, ...]:
    """All copies, those in different splits first.

    Of files with the same bytes each is named with the first of them only; the others are not compared any further.
    """
    first_with: dict[str, int] = {}
    copies = []
    for number, one in enumerate(probes):
        if not one.sha256:
            continue
        first = first_with.setdefault(one.sha256, number)
        if first != number:
            copies.append(_copy(probes[first].recording, one.recording, kind="identical", likeness=1.0))
    unlike = set(first_with.values())
    fingerprints = [one.fingerprint if number in unlike else None for number, one in enumerate(probes)]
    for found in find_copies(fingerprints):
        pair = probes[found.first].recording, probes[found.second].recording
        copies.append(_copy(*pair, kind="mirrored" if found.mirrored else "near", likeness=found.likeness))
    return tuple(sorted(copies, key=lambda copy: ("splits", "groups", "").index(copy.apart)))


def _copy(first: Recording, second: Recording, *, kind: Kind, likeness: float) -> Copy:
    labels = [{segment.label for segment in recording.segments} for recording in (first, second)]
    return Copy(first.name, second.name, kind, likeness, _apart(first, second), labels_differ=labels[0] != labels[1])


def _apart(first: Recording, second: Recording) -> Literal["splits", "groups", ""]:
    if first.split is not None and second.split is not None:
        return "splits" if first.split != second.split else ""
    return "groups" if first.group != second.group else ""
