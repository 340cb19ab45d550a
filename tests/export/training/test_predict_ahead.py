"""A model that predicts ahead: labelled by what came later, it names that before it comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from framestream import Classifier
from framestream.records import Event, Prediction, Start
from framestream_export.exporting.exporter import Exporter
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath
from framestream_export.training.training_run import train
from tests.export import toy

RATE, AHEAD_SECONDS = 10.0, 0.8
COLOURS = {"rest": (70, 70, 70), "warning": (30, 200, 210), "alarm": (40, 40, 220)}


def write_signal(path: Path, seed: int) -> list[tuple[float, float]]:
    """A lamp that is yellow for a second before it is red; returns when it is red, and writes that as a timeline."""
    rng = np.random.default_rng(seed)
    pictures, spans = [], []
    for _ in range(4):
        for name, count in (("rest", int(rng.integers(15, 36))), ("warning", 10), ("alarm", 20)):
            if name == "alarm":
                spans.append((len(pictures) / RATE, (len(pictures) + count) / RATE))
            level = np.asarray(COLOURS[name]) + rng.integers(-8, 9, (count, 1, 1, 3))
            noise = rng.integers(-10, 11, (count, 32, 32, 3))
            pictures += list(np.clip(level + noise, 0, 255).astype(np.uint8))
    pictures += pictures[:20]  # rest
    toy.write_video(path, pictures, fps=RATE)
    toy.write_csv(path.with_suffix(".csv"), "start,end,label", [(start, end, "alarm") for start, end in spans])
    return spans


@pytest.mark.long
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_events_are_dated_when_they_happen_and_known_before(kind: str, tmp_path: Path, silent: Console) -> None:
    for seed in range(6):
        write_signal(tmp_path / "films" / f"{seed}.mp4", seed)
    settings = TrainSettings(
        kind=kind,
        background="idle",
        size=16,
        frame_rate=RATE,
        window=4,
        lstm_units=16,
        feature_dim=16,
        epochs=14,
        patience=99,
        batch_size=16,
        learning_rate=5e-3,
        predict_ahead_seconds=AHEAD_SECONDS,
    )
    train(DataPath(tmp_path / "films"), tmp_path / "run", settings, console=silent)
    exported = Exporter(tmp_path / "run").write(tmp_path / "model.onnx")
    assert exported.spec.anchor_frames == -8
    spans = write_signal(tmp_path / "new.mp4", 99)
    records = list(Classifier.load(tmp_path / "model.onnx", device="cpu").watch(tmp_path / "new.mp4"))
    assert isinstance(records[0], Start)
    assert records[0].to_dict()["predict_ahead_seconds"] == AHEAD_SECONDS
    events = [record for record in records if isinstance(record, Event)]
    predictions = [record for record in records if isinstance(record, Prediction)]
    assert len(events) == len(spans)
    for (start, _), event in zip(spans, events, strict=True):
        assert event.start_seconds == pytest.approx(start, abs=0.3)
        before = [one.label for one in predictions if start - 0.5 <= one.pts_seconds < start - 0.05]
        assert before.count("alarm") >= len(before) - 1 >= 3
