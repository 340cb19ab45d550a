"""The clips that a run kept out of training, and what a model file predicts about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framestream.errors import DataError
from framestream.model.session import ModelSession
from framestream_export.data.frame_cache import UNLABELLED, FrameSegment
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.training.examples.windows import gather, labels_at, prediction_ends
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath, TrainingData, load_training_data

_CAMERAS = 16
_STEPS = 16
_CALIBRATION_FRAMES = 512


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A run's data set, opened again."""

    data: TrainingData
    settings: TrainSettings

    @classmethod
    def open(cls, finished: FinishedRun, path: Path, data: Path | None) -> HeldOut:
        """Find the data set of a run, its decoded frames if they are still there.

        Args:
            finished: The run.
            path: The run's folder.
            data: Where the data set is now; None is where it was in training.

        Raises:
            DataError: The data set is gone, or is not the one that the run was trained on.
        """
        record = finished.record
        data_path = DataPath.of(record, path, data=data)
        if not data_path.data.exists():
            raise DataError(
                f"{data_path.data}, which {path} was trained on, is gone: variants other than float32 are measured on"
                " the clips kept out of training; give --data DIR"
            )
        found = load_training_data(data_path, data_path.cache or path, finished.settings, console=Console(quiet=True))
        if found.cache.fingerprint != record["fingerprint"] or found.names("test") != record["splits"]["test"]:
            raise DataError(f"{data_path.data} is not the data set that {path} was trained on; give --data DIR")
        if not any(found.cache.has_pictures(segment) for segment in found.segments("test")):
            raise DataError(
                f"the clips that {path} kept out of training are files of features, and variants other than float32 are"
                " measured on pictures: export float32, or train with films in the test split"
            )
        return cls(found, finished.settings)

    def calibration_batches(self) -> Iterator[NDArray[np.uint8]]:
        """Frames of the training films, or else of those to validate on, evenly spread: uint8 [N, 3, height, width].

        Raises:
            DataError: There are files of features only.
        """
        cache, frames = self.data.cache, self.data.cache.frames
        for split in ("train", "validation"):
            found = [np.arange(one.start, one.stop) for one in self.data.segments(split) if cache.has_pictures(one)]
            if found:
                break
        else:
            raise DataError(
                f"all clips of {self.data.dataset.root} to train and validate on are files of features, and int8 takes"
                " its ranges from pictures: choose another variant, or train with some films"
            )
        indices = np.concatenate(found)
        chosen = indices[np.linspace(0, len(indices) - 1, min(_CALIBRATION_FRAMES, len(indices))).astype(np.int64)]
        for first in range(0, len(chosen), _STEPS):
            batch = np.asarray(frames[chosen[first : first + _STEPS]])
            yield np.ascontiguousarray(batch.transpose(0, 3, 1, 2))

    def labels(self) -> NDArray[np.int64]:
        """The true labels, int64 [N], in the order of `predictions`."""
        return np.concatenate([labels[labels != UNLABELLED] for _, _, labels in self._test_segments()]).astype(np.int64)

    def predictions(self, session: ModelSession) -> NDArray[np.float32]:
        """Return what a model predicts about the labelled test clips, fed as in serving: float32 [N, classes]."""
        segments = self._test_segments()
        rows: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(segments)
        order = sorted(range(len(segments)), key=lambda index: len(segments[index][0]))
        for first in range(0, len(order), _CAMERAS):
            group = order[first : first + _CAMERAS]
            for index, found in zip(group, self._run(session, [segments[index][0] for index in group]), strict=True):
                _, ends, labels = segments[index]
                rows[index] = found[ends[labels != UNLABELLED]]
        return np.concatenate(rows)

    def _test_segments(self) -> list[tuple[FrameSegment, NDArray[np.int64], NDArray[Any]]]:
        """Segments of the films of the test split, where they give predictions, and their true labels."""
        cache, found = self.data.cache, []
        for segment in filter(self.data.cache.has_pictures, self.data.segments("test")):
            ends = prediction_ends(segment, self.settings)
            found.append((segment, ends, labels_at(cache, segment, ends, self.settings)))
        return found

    def _run(self, session: ModelSession, segments: list[FrameSegment]) -> NDArray[np.float32]:
        """Rows [cameras, frames, classes]; what is behind the end of a shorter segment changes nothing before it."""
        length = max(self.settings.window, *(len(segment) for segment in segments))
        state, rows = session.zero_state(len(segments)), []
        for start in range(0, length, _STEPS):
            count = min(_STEPS, length - start)
            chunk = [self._frames(segment, start, count) for segment in segments]
            probabilities, state = session.run(np.stack(chunk), state)
            rows.append(probabilities)
        return np.concatenate(rows, axis=1)

    def _frames(self, segment: FrameSegment, start: int, count: int) -> NDArray[np.uint8]:
        # Beyond its end a segment holds its last frame, as serving does.
        return gather(self.data.cache, segment, min(start, len(segment) - 1), count)
