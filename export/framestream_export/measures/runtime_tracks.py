"""What an exported model says about recordings, through the runtime that serves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framestream.classifier import Classifier
from framestream.errors import SourceError
from framestream.feeds.readahead import ReadAhead
from framestream.frames import Image
from framestream.model.spec import ModelSpec
from framestream.records import Gap, Prediction
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream.sources import VideoFile
from framestream_export.data.frame_cache import UNLABELLED, frame_labels
from framestream_export.data.recordings import Recording
from framestream_export.measures.tracks import Track

_CHUNK_STEPS = 16
_PICTURE_HEIGHT = 96
_MOST_PICTURES = 64


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A recording that gave no answer, and why."""

    name: str
    reason: str


def watch_recordings(classifier: Classifier, recordings: Sequence[Recording]) -> Iterator[Track | Unreadable]:
    """Watch recordings one after the other, in order."""
    for recording in recordings:
        try:
            yield watch_recording(classifier, recording)
        except SourceError as error:
            yield Unreadable(recording.name, str(error))


def watch_recording(classifier: Classifier, recording: Recording) -> Track:
    """Watch one recording from its first frame to its last, as `framestream watch` does.

    An answer is about the frame at its anchor, and its label is what holds when that frame was taken, exactly as in
    training. Labels that the model does not have are `UNLABELLED`.

    Raises:
        SourceError: It cannot be read.
    """
    spec = classifier.spec
    stream = classifier.stream(chunk_steps=_CHUNK_STEPS)
    stretches = [_Stretch(spec)]
    source = VideoFile(recording.path)
    sampler = Sampler(SamplingClock(spec.frame_rate), prepare=partial(fit_frame, size_wh=spec.size_wh))
    reader: ReadAhead[Sample | Gap] = ReadAhead(sample(source, sampler), chunk=_CHUNK_STEPS)
    try:
        while items := reader.next_chunk():
            for item in items:
                # A gap first brings what lies before it to its end.
                if isinstance(item, Sample):
                    stretches[-1].ticks.append(item.pts_seconds)
                stretches[-1].take(stream.feed(item))
                if isinstance(item, Gap):
                    stretches.append(_Stretch(spec))
        stretches[-1].take(stream.flush(sampler.clock.end_seconds))
    finally:
        reader.close()
        source.close()
    return _track(recording, spec, [stretch for stretch in stretches if stretch.rows])


def frames_between(track: Track, start_seconds: float, stop_seconds: float) -> NDArray[np.uint8]:
    """Pictures of a recording between two moments: uint8 [N, height, width, 3], RGB.

    At least one: the last before, where none is between. Long stretches are thinned out.

    Raises:
        SourceError: It cannot be read any more.
    """
    rate = min(12.5, _MOST_PICTURES / max(stop_seconds - start_seconds, 1e-3))
    source = VideoFile(track.recording.path)
    chosen: list[Image] = []
    last: Image | None = None
    width, height = source.info.size_wh
    size_wh = (max(1, round(width * min(1.0, _PICTURE_HEIGHT / height))), min(height, _PICTURE_HEIGHT))
    try:
        sampler = Sampler(SamplingClock(rate), prepare=partial(fit_frame, size_wh=size_wh))
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


class _Stretch:
    """Ticks without a break, and the answers given at the last of them."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self.ticks: list[float] = []
        self.rows: list[list[float]] = []

    def take(self, results: Sequence[object]) -> None:
        self.rows += [list(one.probabilities.values()) for one in results if isinstance(one, Prediction)]

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What each answer is about, seconds, and whether a frame of the stretch shows it."""
        newest = self._spec.window - 1 + np.arange(len(self.rows))
        # A stretch shorter than the window held its last frame: what is behind its end is that frame.
        anchors = newest - self._spec.anchor_frames
        seen = (anchors < len(self.ticks)) | (self._spec.anchor_frames >= 0)
        ahead = np.where(seen, 0, anchors - (len(self.ticks) - 1)) / self._spec.frame_rate
        return np.array(self.ticks)[np.minimum(anchors, len(self.ticks) - 1)] + ahead, seen


def _track(recording: Recording, spec: ModelSpec, stretches: Sequence[_Stretch]) -> Track:
    moments = [stretch.moments() for stretch in stretches]
    pts_seconds = np.concatenate([np.zeros(0), *(one for one, _ in moments)])
    seen = np.concatenate([np.zeros(0, bool), *(one for _, one in moments)])
    rows = [np.array(stretch.rows, np.float32) for stretch in stretches]
    own = {segment.label for segment in recording.segments}
    unknown = sorted(own.difference(spec.labels))
    labels = frame_labels(recording, pts_seconds, [*spec.labels, *unknown], background=spec.background)
    labels = np.where(seen & (labels < len(spec.labels)), labels, UNLABELLED)
    return Track(
        recording=recording,
        pts_seconds=pts_seconds,
        probabilities=np.concatenate([np.zeros((0, len(spec.labels)), np.float32), *rows]),
        labels=labels.astype(np.int64),
        breaks=np.cumsum([len(one) for one in rows])[:-1].astype(np.int64),
    )


def rename_labels(recording: Recording, names: Mapping[str, str]) -> Recording:
    """The same recording, its labels called otherwise."""
    segments = tuple(replace(segment, label=names.get(segment.label, segment.label)) for segment in recording.segments)
    return replace(recording, segments=segments)
