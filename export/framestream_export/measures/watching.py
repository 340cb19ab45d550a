"""What an exported model predicts about recordings, through the runtime that serves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framestream.classifier import Classifier
from framestream.errors import SourceError
from framestream.frames import Image
from framestream.model.spec import ModelSpec
from framestream.records import Gap, Prediction
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sampler, sample
from framestream_export.data.frame_cache import UNLABELLED, frame_labels
from framestream_export.data.frame_folders import open_recording
from framestream_export.data.recordings import Recording
from framestream_export.measures.prediction_timelines import PredictionTimeline

_PICTURE_HEIGHT = 96
_MOST_PICTURES = 64


@dataclass(frozen=True, slots=True)
class UnreadableRecording:
    """A recording that gave no prediction, and why."""

    name: str
    reason: str


def watch_recordings(
    classifier: Classifier, recordings: Sequence[Recording]
) -> Iterator[PredictionTimeline | UnreadableRecording]:
    """Watch recordings one after the other, in order."""
    for recording in recordings:
        try:
            yield watch_recording(classifier, recording)
        except SourceError as error:
            yield UnreadableRecording(recording.name, str(error))


def watch_recording(classifier: Classifier, recording: Recording) -> PredictionTimeline:
    """Watch one recording from its first frame to its last, as `framestream watch` does.

    A prediction is about the frame at its anchor, and its label is what holds when that frame was taken, exactly as in
    training. Labels that the model does not have are `UNLABELLED`.

    Raises:
        SourceError: The recording cannot be read.
    """
    # A segment is a part of the recording between two gaps.
    segments: list[list[Prediction]] = [[]]
    with closing(open_recording(recording)) as video, classifier.watch(video) as watch:
        for record in watch:
            if isinstance(record, Prediction):
                segments[-1].append(record)
            elif isinstance(record, Gap):
                segments.append([])
    return _timeline(recording, classifier.spec, [segment for segment in segments if segment])


def frames_between(timeline: PredictionTimeline, start_seconds: float, stop_seconds: float) -> NDArray[np.uint8]:
    """Pictures of a recording between two moments: uint8 [N, height, width, 3], RGB.

    At least one: where none is between, the last one before. Of a long time only some are taken.

    Raises:
        SourceError: The recording cannot be read any more.
    """
    rate = min(12.5, _MOST_PICTURES / max(stop_seconds - start_seconds, 1e-3))
    source = open_recording(timeline.recording)
    chosen: list[Image] = []
    last: Image | None = None
    width, height = source.info.size_wh
    size_wh = (max(1, round(width * min(1.0, _PICTURE_HEIGHT / height))), min(height, _PICTURE_HEIGHT))
    try:
        sampler = Sampler(SamplingClock(rate), prepare=partial(fit_frame, size_wh=size_wh), continuous=True)
        for item in sample(source, sampler):
            if isinstance(item, Gap):
                continue
            if item.pts_seconds >= stop_seconds and (chosen or last is not None):
                break
            last = item.image
            if item.pts_seconds >= start_seconds:
                chosen.append(item.image)
    finally:
        source.close()
    assert last is not None  # a file that opens has a frame, and the first one is always sampled
    return np.stack(chosen or [last])


def _timeline(recording: Recording, spec: ModelSpec, segments: Sequence[Sequence[Prediction]]) -> PredictionTimeline:
    anchors = np.array([one.anchor_seconds for segment in segments for one in segment], np.float64)
    # A model that predicts ahead may predict a moment that no frame shows any more.
    ends = np.array([segment[-1].pts_seconds for segment in segments for _ in segment], np.float64)
    seen = anchors < ends + 0.5 / spec.frame_rate
    own = {labelled.label for labelled in recording.segments}
    unknown = sorted(own.difference(spec.labels))
    labels = frame_labels(recording, anchors, [*spec.labels, *unknown], background=spec.background)
    labels = np.where(seen & (labels < len(spec.labels)), labels, UNLABELLED)
    rows = [list(one.probabilities.values()) for segment in segments for one in segment]
    return PredictionTimeline(
        recording=recording,
        pts_seconds=anchors,
        probabilities=np.array(rows, np.float32).reshape(len(rows), len(spec.labels)),
        labels=labels.astype(np.int64),
        breaks=np.cumsum([len(segment) for segment in segments])[:-1].astype(np.int64),
    )


def rename_labels(recording: Recording, names: Mapping[str, str]) -> Recording:
    """Return a recording with its labels renamed."""
    segments = tuple(replace(segment, label=names.get(segment.label, segment.label)) for segment in recording.segments)
    return replace(recording, segments=segments)
