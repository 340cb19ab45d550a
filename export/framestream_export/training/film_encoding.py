"""Encoding one film into a file of features, unless that is done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.errors import UnreadableSourceError
from framestream.feeds.feed import StopFlag
from framestream.records import Gap
from framestream_export.data.decoding import sampled
from framestream_export.data.feature_files import RecordedFeatures, read_features, write_features
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.file_states import state_of
from framestream_export.data.footage import Recording
from framestream_export.training.examples.frame_encoders import FrameEncoder

# As many as training encodes at once: the same portions give the same last digits.
_FRAMES_PER_CHUNK = 64


class FilmEncoding:
    """Makes files of features with one encoder, on several threads."""

    def __init__(self, encoder: FrameEncoder, maker: FeatureMaker) -> None:
        """Encode films as `maker` says; `stop` ends it at the next frame of each."""
        self.encoder, self.maker, self.stop = encoder, maker, StopFlag()

    def is_done(self, recording: Recording, path: Path) -> bool:
        """Whether a file holds what this encoder says of the film as it is now."""
        if not path.is_file():
            return False
        try:
            found = read_features(path)
        except UnreadableSourceError:  # it is made again
            return False
        return found.maker.makes_the_same(self.maker) and found.source == _source(recording)

    def encode(self, recording: Recording, path: Path) -> None:
        """Write a recording's file, unless the work is to stop.

        Raises:
            SourceError: The film cannot be read.
        """
        source, size_wh = _source(recording), (self.maker.size, self.maker.size)
        times: list[float] = []
        segment_frames = [0]
        waiting: list[NDArray[np.uint8]] = []
        features: list[NDArray[np.float32]] = []
        with sampled(recording, frame_rate=self.maker.frame_rate, size_wh=size_wh) as samples:
            for item in samples:
                if self.stop.is_set():
                    return
                if isinstance(item, Gap):
                    segment_frames.append(0)
                    continue
                times.append(item.pts_seconds)
                segment_frames[-1] += 1
                waiting.append(item.image)
                if len(waiting) == _FRAMES_PER_CHUNK:
                    features.append(self.encoder.encode(np.stack(waiting)))
                    waiting.clear()
        if waiting:
            features.append(self.encoder.encode(np.stack(waiting)))
        if not features:
            raise UnreadableSourceError(f"{recording.path} gives no frame; leave it out, or record it again")
        lengths = tuple(count for count in segment_frames if count)
        found = RecordedFeatures(self.maker, np.concatenate(features), np.array(times), lengths, source)
        write_features(path, found)


def _source(recording: Recording) -> str:
    """A film's name and state: another one is another film, wherever it lies."""
    facts = state_of(recording)
    facts[0] = facts[0][1:]  # without its place
    return f"{recording.path.name} {hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"
