"""An exported model on a labelled data set: which recordings, which labels, and what came of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track as with_progress

from framestream.classifier import Classifier
from framestream.errors import DataError, SettingsError
from framestream.model.spec import EventSettings, ModelSpec
from framestream_export.data.decoding import sha256_of
from framestream_export.data.frame_cache import fingerprint_of
from framestream_export.data.negatives import read_eventless
from framestream_export.data.recordings import SPLITS, Dataset, Recording, read_dataset
from framestream_export.measures.event_settings import SuggestedEvents, suggest_event_settings
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.watching import frames_between, rename_labels, watch_recordings
from framestream_export.report.extras import ReportExtras
from framestream_export.report.recording_values import BY_CLASS, values_by

ALL = "all"
_NAMED = 5
_FLATTERING = (
    "the model was trained on most of these very recordings, so these figures flatter: how good it is on others is in"
    " the report that `framestream train` wrote into the run's folder"
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model predicted about a data set: the arguments of `measuring.measure`."""

    timelines: tuple[PredictionTimeline, ...]
    labels: tuple[str, ...]
    background: str | None
    extras: ReportExtras


def evaluate_model(
    classifier: Classifier,
    data: Path,
    *,
    split: str | None = None,
    rename: Mapping[str, str] | None = None,
    events: EventSettings | None = None,
    image_rate: float | None = None,
    by: Sequence[str] = (),
    negatives: Sequence[Path] = (),
    console: Console,
) -> Evaluation:
    """Watch a data set with a model.

    Time with a label that the model does not have is left out of every figure, and the report says so: what the model
    cannot predict is no mistake of its training, and an accuracy that counts it as wrong would hide how good the rest
    is.

    Args:
        classifier: The model.
        data: The data set, see `recordings.read_dataset`.
        split: "train", "validation", "test" or "all"; None is "test" where the data set names it for a recording,
            else "all".
        rename: Labels of the data by what the model calls them.
        events: How predictions become events; by default the settings in the model file.
        image_rate: Images per second of clips that are folders of images.
        by: What figures are broken down by: "class", "group", "split", or columns of the data's manifest.
        negatives: Films in which nothing happens, or folders of them; what is reported there is counted apart.
        console: Console that shows progress and recordings that cannot be read.

    Raises:
        DataError: Nothing can be measured: no recordings, no label that the model has, none that can be read.
        SettingsError: A label that is to be renamed is on no recording, or what figures are to be broken down by is
            known of none.
    """
    spec = classifier.spec
    dataset = _read(data, spec, image_rate)
    split, chosen = _of_split(dataset, split)
    recordings = _renamed(chosen, rename or {}, data)
    values = {
        name: values_by(name, dataset.recordings, data, background=dataset.background, image_rate=image_rate)
        for name in by
        if name != BY_CLASS
    }
    eventless = read_eventless(negatives, background=spec.background or "background") if negatives else []
    warnings = [*dataset.warnings, *_check_labels(recordings, spec, data)]
    timelines, unread = _watch_all(classifier, recordings, data, console)
    warnings += unread
    empty, unread = _watch_all(classifier, eventless, negatives[0], console) if eventless else ([], [])
    warnings += unread
    if eventless and spec.background is None:
        warnings.append("the model has no background label, so it reports something wherever nothing happens")
    measured = {timeline.recording.name for timeline in timelines}
    if split == ALL and _is_trained_on(dataset, [one for one in chosen if one.name in measured], spec):
        warnings.append(_FLATTERING)
    timing = PredictionTiming.of(spec)
    suggested = suggest_event_settings(
        timelines, spec.labels, background=spec.background, timing=timing, default=spec.events
    )
    extras = ReportExtras(
        timing=timing,
        title=f"{classifier.session.path.name} on {data.resolve().name}",
        split=split,
        events=events or spec.events,
        suggested=None if suggested.origin == "default" else _chosen_here(suggested),
        temperature=spec.temperature,
        frames_of=frames_between,
        warnings=warnings,
        by={name: [values[name][one.recording.path] for one in timelines] if name in values else None for name in by},
        negatives=empty if eventless else None,
    )
    return Evaluation(tuple(timelines), spec.labels, spec.background, extras)


def _watch_all(
    classifier: Classifier, recordings: Sequence[Recording], place: Path, console: Console
) -> tuple[list[PredictionTimeline], list[str]]:
    """Return the timelines of recordings, and a warning about those that cannot be read, which are printed as well.

    Raises:
        DataError: None can be read.
    """
    results = with_progress(
        watch_recordings(classifier, recordings),
        description="watching",
        total=len(recordings),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    timelines: list[PredictionTimeline] = []
    lost: list[str] = []
    for result in results:
        if isinstance(result, PredictionTimeline):
            timelines.append(result)
        else:
            lost.append(result.reason)
            console.print(
                f"[yellow]left out[/] {escape(f'{result.name}: {result.reason}')}", highlight=False, soft_wrap=True
            )
    if not timelines:
        raise DataError(f"{place}: none of the {len(recordings)} recordings can be read; the first: {lost[0]}")
    if not lost:
        return timelines, []
    more = "" if len(lost) <= _NAMED else f"; and {len(lost) - _NAMED} more"
    warning = (
        f"{len(lost)} of {len(recordings)} recordings could not be read and are left out:"
        f" {'; '.join(lost[:_NAMED])}{more}"
    )
    return timelines, [warning]


def _read(data: Path, spec: ModelSpec, image_rate: float | None) -> Dataset:
    if spec.background is not None:
        try:
            # Films with a timeline are the background where nothing is written down, even if no row names it.
            return read_dataset(data, background=spec.background, image_rate=image_rate)
        except DataError:
            pass  # clips without any background; other errors are raised below
    return read_dataset(data, image_rate=image_rate)


def _is_trained_on(dataset: Dataset, recordings: Sequence[Recording], spec: ModelSpec) -> bool:
    """Whether a model's training had these recordings, with these labels, and no others."""
    if not spec.training_fingerprint:
        return False
    digests = [sha256_of(recording.path) for recording in recordings]
    found = fingerprint_of(recordings, digests, dataset.labels, background=dataset.background)
    return spec.training_fingerprint == f"sha256:{found}"


def _of_split(dataset: Dataset, split: str | None) -> tuple[str, list[Recording]]:
    named = {recording.split for recording in dataset.recordings}
    split = split or ("test" if "test" in named else ALL)
    found = [recording for recording in dataset.recordings if split in (ALL, recording.split)]
    if not found:
        known = ", ".join(name for name in SPLITS if name in named) or "none"
        raise DataError(f"{dataset.root} has no recording in the {split} split (it names {known}); try --split all")
    return split, found


def _renamed(recordings: Sequence[Recording], names: Mapping[str, str], data: Path) -> list[Recording]:
    used = {segment.label for recording in recordings for segment in recording.segments}
    if absent := sorted(set(names).difference(used)):
        raise SettingsError(f"{data} has no label {', '.join(absent)} to rename; it has {', '.join(sorted(used))}")
    return [rename_labels(recording, names) for recording in recordings]


def _chosen_here(suggested: SuggestedEvents) -> SuggestedEvents:
    return replace(suggested, reason=f"{suggested.reason} (they are those measured here, so it flatters)")


def _check_labels(recordings: Sequence[Recording], spec: ModelSpec, data: Path) -> list[str]:
    """Warnings about labels that only one side has."""
    used = {segment.label for recording in recordings for segment in recording.segments}
    unknown = sorted(used.difference(spec.labels))
    shared = used.intersection(spec.labels)
    hints = [f"--rename {label}={near[0]}" for label in unknown if (near := _alike(label, spec.labels))]
    hint = f"; if they mean the same: {' '.join(hints)}" if hints else "; --rename OURS=MODELS if they mean the same"
    if not shared:
        raise DataError(
            f"{data}: the model knows none of its labels ({', '.join(unknown)}); it knows"
            f" {', '.join(spec.labels)}{hint}"
        )
    if not unknown:
        return []
    lost = sum(any(segment.label in unknown for segment in recording.segments) for recording in recordings)
    return [
        f"the model does not know {', '.join(unknown)}: that part of {lost} of {len(recordings)} recordings is left out"
        f" of every figure; it knows {', '.join(spec.labels)}{hint}"
    ]


def _alike(label: str, names: Sequence[str]) -> list[str]:
    folded = {name.casefold(): name for name in names}
    inside = [name for name in names if label.casefold() in name.casefold() or name.casefold() in label.casefold()]
    close = difflib.get_close_matches(label.casefold(), folded, n=1, cutoff=0.6)
    return inside or [folded[name] for name in close]
