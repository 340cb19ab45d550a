"""A run folder as `export` and `verify` read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.files import DAMAGED
from framestream_export.run_folder import RunFolder
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run folder, read: the model, what is known about it, and real frames to try it on."""

    record: dict[str, Any]
    settings: TrainSettings
    model: SequenceModel
    frames: NDArray[np.uint8]

    @classmethod
    def read(cls, path: Path) -> FinishedRun:
        """Load a run that `framestream train` has finished.

        Raises:
            DataError: The folder is no run, or the run is not finished.
        """
        folder = RunFolder(path)
        record = folder.read_record()
        if record["state"] != "finished":
            raise DataError(f"{path} is not finished; run `framestream train … --output {path} --resume` first")
        settings = TrainSettings.from_json(record["settings"])
        model = SequenceModel.load(path, kind=settings.kind, window=settings.window)
        try:
            frames = np.load(folder.parity_frames, allow_pickle=False)
        except DAMAGED as error:
            raise DataError(
                f"{folder.parity_frames} cannot be read ({error}); delete it and resume the training"
            ) from error
        if frames.dtype != np.uint8 or frames.shape[2:] != (settings.size, settings.size, 3):
            raise DataError(
                f"{folder.parity_frames} holds {frames.dtype} {frames.shape}; delete it and resume the training"
            )
        return cls(record, settings, model, frames)
