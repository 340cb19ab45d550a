"""What a consumer printed, against what FrameStream says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framestream import Classifier, Event, Prediction
from framestream.frames import FrameSource

ROOT = Path(__file__).parents[2]
CONSUMERS = ROOT / "export" / "consumers"
DEFAULT_MODEL = ROOT / "framestream" / "models" / "default.onnx"
KIOSK = ROOT / "samples" / "kiosk.webm"

Record = dict[str, Any]


def run_consumer(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> list[Record]:
    """Run a program that prints JSON Lines; return its predictions and events."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    return [record for record in map(json.loads, done.stdout.splitlines()) if record["type"] in ("prediction", "event")]


def watch(model: Path, film: Path | FrameSource) -> list[Record]:
    """The predictions and events of `framestream watch --format jsonl --predictions`."""
    with Classifier.load(model, device="cpu", threads=1).watch(film) as records:
        return [record.to_dict() for record in records if isinstance(record, (Prediction, Event))]


def assert_same(
    found: Sequence[Record], wanted: Sequence[Record], *, seconds: float = 2e-6, score: float = 1e-4
) -> None:
    """Check label by label; `seconds` and `score` say how far times and scores may lie apart."""
    kinds = [(record["type"], record["label"]) for record in wanted]
    assert [(record["type"], record["label"]) for record in found] == kinds
    for one, other in zip(found, wanted, strict=True):
        assert abs(one["score"] - other["score"]) <= score, (one, other)
        for name in ("pts_seconds", "start_seconds", "end_seconds"):
            assert abs(one.get(name, 0.0) - other.get(name, 0.0)) <= seconds, (one, other)
