"""The data that training works on, from a folder of clips: decoded frames, divided by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape

from framestream.errors import DataError
from framestream_export.data.check.remarks import labels_alike
from framestream_export.data.frame_cache import FrameCache, FrameSegment, open_cache
from framestream_export.data.recordings import SPLITS, Dataset, read_dataset
from framestream_export.data.splits import Splits, split_recordings
from framestream_export.time_limit import NO_LIMIT, TimeLimit
from framestream_export.training.examples.windows import ROW_HOP, label_counts, prediction_counts
from framestream_export.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class DataPath:
    """Where the footage of a run lies.

    Attributes:
        data: The data set, see `recordings.read_dataset`.
        negatives: A folder of films in which nothing happens, or None.
        group_column: The column of manifests that groups clips; None is "group".
        cache: Where decoded frames and features are kept; None is the run's folder.
        image_rate: Images per second of clips that are folders of images; None if there are none.
    """

    data: Path
    negatives: Path | None = None
    group_column: str | None = None
    cache: Path | None = None
    image_rate: float | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any], run: Path, *, data: Path | None = None) -> DataPath:
        """Where the footage of a run is, by its run.json; `data` is where the data set is now, if it has been moved."""
        negatives, cache = record.get("negatives"), record["cache"]
        return cls(
            data or Path(record["data"]),
            None if negatives is None else Path(negatives),
            record.get("group_column"),
            Path(cache or run / "cache"),
            record.get("image_rate"),
        )

    def as_before(self, stored: Mapping[str, Any]) -> DataPath:
        """The same; what is None is as in the run.json of a run to resume, which may be empty."""
        negatives, cache = stored.get("negatives"), stored.get("cache")
        return replace(
            self,
            negatives=self.negatives or (Path(negatives) if negatives else None),
            group_column=self.group_column or stored.get("group_column"),
            cache=self.cache or (Path(cache) if cache else None),
            image_rate=self.image_rate or stored.get("image_rate"),
        )

    def read(self, background: str | None) -> Dataset:
        """Read the data set; see `recordings.read_dataset` for the errors."""
        return read_dataset(
            self.data,
            background=background,
            negatives=self.negatives,
            group_column=self.group_column,
            image_rate=self.image_rate,
        )


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A data set ready to train on."""

    dataset: Dataset
    cache: FrameCache
    splits: Splits

    @property
    def classes(self) -> int:
        """Number of labels."""
        return len(self.dataset.labels)

    def segments(self, split: str) -> list[FrameSegment]:
        """The segments of frames whose recordings are in a split."""
        members = set(getattr(self.splits, split))
        return [segment for segment in self.cache.segments if segment.recording in members]

    def names(self, split: str) -> list[str]:
        """The recordings of a split."""
        return [self.cache.recordings[index].name for index in getattr(self.splits, split)]


def load_training_data(
    data_path: DataPath,
    cache_folder: Path,
    settings: TrainSettings,
    *,
    dataset: Dataset | None = None,
    time_limit: TimeLimit = NO_LIMIT,
    console: Console,
) -> TrainingData:
    """Read, decode and divide a data set.

    Args:
        data_path: Where the footage of the run lies.
        cache_folder: Folder that keeps the decoded frames.
        settings: Settings of the training: how frames are sampled, and how recordings are divided.
        dataset: What `data_path.read` returns, if it has been read.
        time_limit: When to stop decoding.
        console: Console that progress is shown on.

    Raises:
        DataError: There is nothing to train on, or too little to divide.
        TimeLimitError: The time is up.
    """
    dataset = dataset or data_path.read(settings.background)
    cache = open_cache(
        dataset,
        cache_folder,
        frame_rate=settings.frame_rate,
        size_wh=settings.size_wh,
        time_limit=time_limit,
        console=console,
    )
    counts = labelled_frames(dataset, cache)
    try:
        splits = split_recordings(cache.recordings, counts, dataset.labels, seed=settings.seed)
        splits = replace(splits, warnings=(*dataset.warnings, *labels_alike(dataset.labels), *splits.warnings))
        found = checked(TrainingData(dataset, cache, splits), settings)
    except DataError as error:
        raise DataError(f"{data_path.data}: {error}") from None
    described = ", ".join(f"{len(found.names(split))} {split}" for split in SPLITS)
    console.print(
        f"{len(cache.recordings)} recordings ({described}), {len(cache.pts_seconds)} frames,"
        f" {len(dataset.labels)} labels, background {dataset.background or 'none'}",
        highlight=False,
        soft_wrap=True,
    )
    for warning in found.splits.warnings[len(dataset.warnings) :]:  # the others were said when it was read
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)
    return found


def labelled_frames(dataset: Dataset, cache: FrameCache) -> NDArray[np.int64]:
    """Int64 [recordings, labels]: how many frames of each have which label."""
    counts = np.zeros((len(cache.recordings), len(dataset.labels)), np.int64)
    for segment in cache.segments:
        counts[segment.recording] += label_counts(cache, [segment], len(dataset.labels))
    return counts


def checked(data: TrainingData, settings: TrainSettings) -> TrainingData:
    """The same data, with warnings about labels that no prediction refers to.

    Raises:
        DataError: No prediction of the training split refers to some label, or none of another split to any label.
    """
    warnings = (*data.splits.warnings, *_without_prediction(data, settings))
    return replace(data, splits=replace(data.splits, warnings=warnings))


def _without_prediction(data: TrainingData, settings: TrainSettings) -> list[str]:
    """Warnings about labels that have frames in a split, but no prediction that refers to one of them.

    Raises:
        DataError: No prediction of the training split refers to some label, or none of another split to any label.
    """
    first_frame = settings.window - 1 if settings.kind == "window" else 0
    first_seconds = (first_frame - settings.anchor_frames) / settings.frame_rate
    cause = (
        f"its segments are too short or too near the ends of their clips. Predictions are about {first_seconds:.2f} s"
        f" after a clip's start to {max(settings.anchor_frames, 0) / settings.frame_rate:.2f} s before its end"
        f" (window {settings.window} at {settings.frame_rate:g} per second); give longer segments or a shorter"
        f" --window{' or --predict-ahead' if settings.predict_ahead_seconds else ''}"
    )
    warnings = []
    for split in SPLITS:
        segments, hop = data.segments(split), 1 if split == "test" else ROW_HOP
        frames = label_counts(data.cache, segments, data.classes)
        predictions = prediction_counts(data.cache, segments, settings, data.classes, hop=hop)
        lost = [
            label
            for label, shown, asked in zip(data.dataset.labels, frames, predictions, strict=True)
            if shown and not asked
        ]
        message = f"no prediction in the {split} split refers to {', '.join(lost)}: {cause}"
        if lost and (split == "train" or not predictions.any()):
            raise DataError(message)
        if lost:
            warnings.append(message)
    return warnings
