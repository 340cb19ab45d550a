"""What a model predicted about recordings, beside the true labels: all that a report is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.data.recordings import Recording
from framestream_export.files import load_arrays, save_arrays


@dataclass(frozen=True, slots=True)
class PredictionTimeline:
    """The predictions about one recording, in order of time, beside what is true.

    Attributes:
        recording: The file and its labelled segments; `fill_background` marks an untrimmed one.
        pts_seconds: float64 [N], the moment each prediction is about (its anchor, not the end of its window).
        probabilities: float32 [N, classes], one row a prediction.
        labels: int64 [N], what each prediction should be, or -1 (`frame_cache.UNLABELLED`) where the label is unknown.
        breaks: int64, rows before which there is a gap in the video; segments and events end at a gap.
    """

    recording: Recording
    pts_seconds: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    breaks: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        count = len(self.pts_seconds)
        if self.probabilities.ndim != 2 or not len(self.probabilities) == len(self.labels) == count:
            raise DataError(
                f"{self.recording.name}: {count} times, {self.probabilities.shape} probabilities and"
                f" {len(self.labels)} labels do not belong together"
            )


def save_timelines(path: Path, timelines: Sequence[PredictionTimeline]) -> None:
    """Write timelines to a file, their recordings by name only.

    Raises:
        SettingsError: The file cannot be written.
    """
    arrays = [array for one in timelines for array in (one.pts_seconds, one.probabilities, one.labels, one.breaks)]
    save_arrays(path, arrays, note={"recordings": [timeline.recording.name for timeline in timelines]})


def load_timelines(path: Path, recordings: Iterable[Recording]) -> list[PredictionTimeline]:
    """Read timelines that `save_timelines` wrote.

    Raises:
        DataError: The file is missing or damaged, or names recordings that are not among `recordings`.
    """
    arrays, note = load_arrays(path)
    known = {recording.name: recording for recording in recordings}
    names = note["recordings"]
    if len(arrays) != 4 * len(names) or not known.keys() >= set(names):
        raise DataError(f"{path} is of other recordings; train into a new folder")
    return [PredictionTimeline(known[name], *arrays[4 * index : 4 * index + 4]) for index, name in enumerate(names)]
