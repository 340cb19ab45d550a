"""Reading every file of a data set once, and saying what is wrong with it before hours go into training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.cores import usable_cores
from framestream.errors import DataError
from framestream_export.data.check.contact_sheet import MOST_ON_A_SHEET, write_sheets
from framestream_export.data.check.examination import OPEN, Clip, Examination, LabelSummary, Plan, Remark
from framestream_export.data.check.matching import copies_among
from framestream_export.data.check.probing import Probe, ProbeRequest, probe_all
from framestream_export.data.check.remarks import remarks_on_clips, remarks_on_copies, remarks_on_labels
from framestream_export.data.feature_table import check_one_maker
from framestream_export.data.footage import SPLITS, Dataset, Recording
from framestream_export.data.frame_cache import frame_labels
from framestream_export.data.splits import split_recordings

_LONGEST_PAUSE_SECONDS = 5.0


def examine(
    dataset: Dataset,
    *,
    plan: Plan,
    sheets: Path | None = None,
    data: Path | None = None,
    progress: Callable[[Iterable[Probe], int], Iterable[Probe]] = lambda probes, _: probes,
) -> Examination:
    """Read every file and look for what is wrong.

    Args:
        dataset: The data set to examine.
        plan: Settings of the training that the data set is meant for.
        sheets: A folder for a contact sheet of every label, or None.
        data: Path of the data set as reports show it; the data set's folder by default.
        progress: Wraps the readings, whose number it is given, to show how far they are.

    Raises:
        SettingsError: The sheets cannot be written.
    """
    wanted = _wanted(dataset, pictures=sheets is not None)
    readings = probe_all(wanted, background=dataset.background, workers=usable_cores())
    probes = list(progress(readings, len(wanted)))
    seconds = np.stack([_labelled_seconds(one, dataset) for one in probes])
    clips = tuple(_clip(one, held, dataset.labels) for one, held in zip(probes, seconds, strict=True))
    summaries = tuple(_summary(label, clips, dataset.recordings, float(seconds.sum())) for label in dataset.labels)
    copies = copies_among(probes)
    reasons, divided = _division(dataset, clips, seconds, plan)
    reasons += _several_makers(probes)
    remarks = [
        *(Remark("layout", warning) for warning in dataset.warnings),
        *remarks_on_clips(probes, clips, plan),
        *remarks_on_labels(summaries),
        *remarks_on_copies(copies),
        *(Remark("division", warning) for warning in divided),
    ]
    written = write_sheets(sheets, probes, dataset.labels) if sheets else []
    return Examination(
        data=str(data or dataset.root),
        background=dataset.background,
        layout=dataset.layout,
        clips=clips,
        labels=summaries,
        copies=copies,
        warnings=tuple(remarks),
        reasons=tuple(reasons),
        sheets=tuple(map(str, written)),
    )


def _wanted(dataset: Dataset, *, pictures: bool) -> list[ProbeRequest]:
    """Every recording, with the labels it stands for on a contact sheet: some recordings of each, evenly taken."""
    showing: dict[int, list[str]] = {}
    for label in dataset.labels if pictures else ():
        having = [
            number
            for number, recording in enumerate(dataset.recordings)
            if any(segment.label == label for segment in recording.segments)
            or (recording.fill_background and label == dataset.background)
        ]
        for number in having[:: max(1, -(-len(having) // MOST_ON_A_SHEET))]:
            showing.setdefault(number, []).append(label)
    return [
        ProbeRequest(recording, tuple(showing.get(number, ()))) for number, recording in enumerate(dataset.recordings)
    ]


def _labelled_seconds(probe: Probe, dataset: Dataset) -> NDArray[np.float64]:
    """How long each label holds in a recording, by its frames: float64 [labels]."""
    labels = frame_labels(probe.recording, probe.pts_seconds, dataset.labels, background=dataset.background)
    shown = np.clip(np.diff(probe.pts_seconds, append=probe.end_seconds), 0.0, _LONGEST_PAUSE_SECONDS)
    known = labels >= 0
    return np.bincount(labels[known], weights=shown[known], minlength=len(dataset.labels)).astype(np.float64)


def _clip(probe: Probe, seconds: NDArray[np.float64], labels: Sequence[str]) -> Clip:
    recording = probe.recording
    return Clip(
        name=recording.name,
        group=recording.group,
        split=recording.split or OPEN,
        reason=probe.reason or ("" if seconds.any() else "no frame lies inside its labelled times"),
        frames=len(probe.pts_seconds),
        duration_seconds=probe.duration_seconds,
        frame_rate=probe.frame_rate,
        variable_rate=probe.has_variable_rate,
        width=probe.size_wh[0],
        height=probe.size_wh[1],
        label_seconds={label: float(held) for label, held in zip(labels, seconds, strict=True) if held},
    )


def _summary(label: str, clips: Sequence[Clip], recordings: Sequence[Recording], all_seconds: float) -> LabelSummary:
    having = [clip for clip in clips if label in clip.label_seconds]
    held = [clip.label_seconds[label] for clip in having]
    return LabelSummary(
        label=label,
        recordings=len(having),
        groups=len({clip.group for clip in having}),
        segments=sum(segment.label == label for recording in recordings for segment in recording.segments),
        seconds=sum(held),
        share=sum(held) / all_seconds if all_seconds else 0.0,
        shortest_seconds=min(held, default=0.0),
        recordings_by_split={name: sum(clip.split == name for clip in having) for name in (*SPLITS, OPEN)},
    )


def _several_makers(probes: Sequence[Probe]) -> list[str]:
    """Why training could not use files of features together; the first two that differ are named."""
    found = [(probe.recording.path, probe.maker) for probe in probes if probe.maker is not None]
    for other in found:
        try:
            check_one_maker(found[0], other)
        except DataError as error:
            return [str(error)]
    return []


def _division(
    dataset: Dataset, clips: Sequence[Clip], seconds: NDArray[np.float64], plan: Plan
) -> tuple[list[str], list[str]]:
    """Why training could not divide the recordings, and what it would warn of: it is asked itself."""
    used = [number for number, clip in enumerate(clips) if not clip.reason]
    if not used:
        return [f"none of the {len(clips)} recordings gave a labelled frame"], []
    counts = np.ceil(seconds[used] * plan.frame_rate).astype(np.int64)
    try:
        splits = split_recordings([dataset.recordings[number] for number in used], counts, dataset.labels, seed=0)
    except DataError as error:
        return [str(error)], []
    return [], list(splits.warnings)
