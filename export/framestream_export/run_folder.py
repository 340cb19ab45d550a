"""The folder a training run lives in: what is where, written so that a kill at any moment leaves it readable.

::

    RUN/lock                which process trains here, while one does
    RUN/run.json            settings, labels, splits, versions, history, test result
    RUN/encoder.keras       frames -> features          (when finished)
    RUN/head.keras          features -> probabilities   (when finished)
    RUN/parity_frames.npy   frames that `export` and `verify` compare Keras and ONNX on, real ones if there are films
    RUN/checkpoints/        of each stage of training STAGE-last.npz (everything `--resume` needs), STAGE-best.npz
    RUN/report/             report.json, report.html, confusion_matrix.png, predictions on the test clips
    RUN/speed.json, kept/   what `export --handoff` cannot make alike twice: measured times, ONNX Runtime's format
    RUN/cache/              decoded frames and features, unless --cache points elsewhere; can be deleted
    RUN/folds/N/            the runs of a cross-validation, each a run folder; their report is in
    RUN/cross_validation/   like report/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.errors import DataError
from framestream_export.files import write_atomically

RUN_VERSION = 2
ENCODER_FILE = "encoder.keras"
HEAD_FILE = "head.keras"
_ALWAYS_RECORDED = ("state", "settings", "labels", "fingerprint", "splits")


@dataclass(frozen=True, slots=True)
class StageFiles:
    """The two checkpoints of one stage of training."""

    folder: Path
    name: str

    @property
    def last(self) -> Path:
        """State after the last complete epoch."""
        return self.folder / f"{self.name}-last.npz"

    @property
    def best(self) -> Path:
        """Weights of the epoch with the best validation loss."""
        return self.folder / f"{self.name}-best.npz"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of a run, and its reading and writing."""

    path: Path

    @property
    def record(self) -> Path:
        """The file that says what the run is."""
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of what an unfinished run goes on from."""
        return self.path / "checkpoints"

    @property
    def started(self) -> bool:
        """Whether there is a complete epoch to go on from."""
        return any(self.checkpoints.glob("*-last.npz"))

    def stage(self, name: str) -> StageFiles:
        """The checkpoints of one stage of training."""
        return StageFiles(self.checkpoints, name)

    @property
    def report(self) -> Path:
        """Folder of the final report."""
        return self.path / "report"

    @property
    def test_timelines(self) -> Path:
        """The model's predictions on the test clips, see `measures.prediction_timelines`."""
        return self.path / "report" / "test_timelines.npz"

    @property
    def linear_timelines(self) -> Path:
        """The predictions on the test clips of a linear model of windows."""
        return self.path / "report" / "linear_timelines.npz"

    @property
    def baseline_timelines(self) -> Path:
        """The predictions on the test clips of the baseline, a model that ignores the order of frames."""
        return self.path / "report" / "baseline_timelines.npz"

    @property
    def parity_frames(self) -> Path:
        """Real frames, uint8 [sequences, frames, height, width, 3]."""
        return self.path / "parity_frames.npy"

    def read_record(self) -> dict[str, Any]:
        """The content of run.json.

        Raises:
            DataError: run.json is missing, damaged or of another version.
        """
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.path} is not a training run: no readable run.json in it; give a folder that `framestream train`"
                " has written"
            ) from error
        if not isinstance(record, dict) or record.get("run_version") != RUN_VERSION:
            raise DataError(f"{self.record} is not of version {RUN_VERSION}; train again with this FrameStream")
        if missing := [key for key in _ALWAYS_RECORDED if key not in record]:
            raise DataError(f"{self.record} lacks {', '.join(missing)}; it is damaged, train again into a new folder")
        return record

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace run.json."""
        text = json.dumps({"run_version": RUN_VERSION, **record}, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.record, lambda stream: stream.write(text.encode()))
