"""The finished run that another run starts from: `--weights RUN`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream_export.encoders.building import NAMED_WEIGHTS
from framestream_export.run_folder import HEAD_FILE, RunFolder
from framestream_export.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class BaseRun:
    """What is known about a run whose weights another one starts from.

    Attributes:
        path: The run's folder.
        fingerprint: Fingerprint of the data that the run was trained on.
        labels: The run's labels, in the order of its probabilities.
        trained_on: Names of the recordings in the run's train split.
        head: Form and width of the run's head.
        encoder: Name of the run's encoder.
    """

    path: Path
    fingerprint: str
    labels: tuple[str, ...]
    trained_on: frozenset[str]
    head: tuple[str, int]
    encoder: str

    @classmethod
    def of(cls, weights: str) -> BaseRun | None:
        """The run that `TrainSettings.weights` means, or None where it means something else.

        Raises:
            DataError: `weights` is a folder that is no training run.
        """
        path = Path(weights)
        if weights.lower() in NAMED_WEIGHTS or not path.is_dir():
            return None
        record = RunFolder(path).read_record()
        settings = TrainSettings.from_json(record["settings"])
        trained_on = frozenset(record["splits"]["train"])
        head = settings.head, settings.lstm_units
        return cls(path, record["fingerprint"], tuple(record["labels"]), trained_on, head, settings.encoder)

    def to_json(self, *, head: bool) -> dict[str, Any]:
        """Return what run.json keeps of the base run; `head` says whether the recurrent head came along."""
        return {
            "name": self.path.resolve().name,
            "path": str(self.path),
            "fingerprint": self.fingerprint,
            "head": head,
        }

    def gives_head_to(self, settings: TrainSettings, labels: Sequence[str]) -> bool:
        """Whether its head has the shape of the one that is to be trained, and its predictions mean the same."""
        return self.labels == tuple(labels) and self.head == (settings.head, settings.lstm_units)

    def first_head(self, settings: TrainSettings, labels: Sequence[str]) -> Path | None:
        """The file of its head, if that can be started from."""
        path = self.path / HEAD_FILE
        return path if self.gives_head_to(settings, labels) and path.is_file() else None

    def leak(self, tested_on: Sequence[str]) -> str | None:
        """A warning if recordings this run was trained on are among those the new one is tested on."""
        known = sorted(self.trained_on.intersection(tested_on))
        if not known:
            return None
        return (
            f"{len(known)} of {len(tested_on)} test recordings have the names of recordings that {self.path} was"
            f" trained on, {known[0]} first: the test accuracy will look better than it is"
        )
