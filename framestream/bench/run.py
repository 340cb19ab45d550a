"""Running a bench from beginning to end."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from framestream.bench.bench_report import BenchReport, CamerasFigures
from framestream.bench.camera_runs import measure_idle, measure_pictures
from framestream.bench.file_runs import measure_file
from framestream.bench.machine import load_average, machine_facts
from framestream.bench.memory import measure_memory
from framestream.bench.model_runs import measure_model
from framestream.bench.recording_runs import measure_throughput
from framestream.bench.stream_runs import can_watch_streams, measure_streams
from framestream.bench.synthetic_footage import write_film
from framestream.classifier import Classifier
from framestream.errors import SettingsError, SourceError
from framestream.model.session import Device, ModelSession

# Order in which the stages of a frame are shown.
_STAGES = ("decode", "preprocess", "encode", "head", "model", "new prediction", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """How much a bench measures.

    Attributes:
        cameras: Number of cameras to start and watch; 0 leaves them out.
        camera_seconds: How long cameras are measured, and pictures pushed from memory after that, in real time.
        idle_seconds: How long a paused camera is watched.
        blocks: Turns of each thing that is timed.
        runs: Measured runs in a turn.
        source_frames: Frames of the source to read at most.
        rounds: How often the source is read in each way that is compared.
    """

    cameras: int = 8
    camera_seconds: float = 10.0
    idle_seconds: float = 3.0
    blocks: int = 20
    runs: int = 10
    source_frames: int = 600
    rounds: int = 9

    def __post_init__(self) -> None:
        """Raise SettingsError for a value out of range."""
        if self.cameras < 0:
            raise SettingsError(f"cameras is {self.cameras}: give a number of cameras, 0 leaves them out")
        if not all(0 < seconds < math.inf for seconds in (self.camera_seconds, self.idle_seconds)):
            raise SettingsError("camera_seconds and idle_seconds: give a number of seconds above 0")
        if min(self.blocks, self.runs, self.source_frames, self.rounds) < 1:
            raise SettingsError("blocks, runs, source_frames and rounds: give 1 or more of each")


def run_bench(
    model: str | os.PathLike[str] | None = None,
    *,
    source: str | os.PathLike[str] | None = None,
    settings: BenchSettings | None = None,
    device: Device = "auto",
    threads: int | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> BenchReport:
    """Measure a model on this machine.

    Args:
        model: An ONNX file; by default the one that comes along.
        source: A video file to read; by default a short film is made.
        settings: How much to measure.
        device: Device to run the model on, see `ModelSession`.
        threads: Number of CPU threads, see `ModelSession`.
        progress: Called with what is being measured next.

    Raises:
        SourceError: The source cannot be used.
        ModelError: The model cannot be used.
    """
    settings = settings or BenchSettings()
    load_before = load_average()
    classifier = Classifier.load(model, device=device, threads=threads)
    session = classifier.session
    folder = TemporaryDirectory(prefix="framestream-bench-") if source is None else nullcontext("")
    with folder as name:
        progress("preparing")
        path = _film(Path(name), settings) if source is None else Path(source)
        progress("reading the source")
        file = measure_file(session, path, frames=settings.source_frames, rounds=settings.rounds)
        progress("peak memory")
        memory = measure_memory(session, path, device=device)
    progress("the model")
    figures = measure_model(session, cameras=settings.cameras, blocks=settings.blocks, runs=settings.runs)
    ratios = [*figures.ratios, file.ratio]
    cameras = pictures = None
    if settings.cameras:
        if settings.cameras > 1:
            progress("throughput of cameras")
            ratios.append(
                measure_throughput(
                    classifier,
                    cameras=settings.cameras,
                    frames=math.ceil(settings.source_frames / 3),
                    rounds=settings.rounds,
                )
            )
        progress("cameras in real time")
        cameras = _cameras(classifier, settings, figures.notes)
        progress("pictures in memory in real time")
        pictures = measure_pictures(classifier, cameras=settings.cameras, seconds=settings.camera_seconds)
    progress("a paused camera")
    idle = measure_idle(classifier, seconds=settings.idle_seconds)
    stages = {**file.stages, **figures.stages}
    return BenchReport(
        machine=machine_facts(session, load_before),
        model=_model(session),
        source={**file.facts, "made_for_the_bench": source is None},
        stages={stage: stages[stage] for stage in _STAGES if stage in stages},
        throughput={**file.throughput, **figures.throughput},
        ratios=tuple(ratios),
        memory=memory,
        cameras=cameras,
        pictures_in_memory=pictures,
        idle=idle,
        notes=tuple(figures.notes),
    )


def _cameras(classifier: Classifier, settings: BenchSettings, notes: list[str]) -> CamerasFigures | None:
    """Measure cameras; where there can be none, say why among the notes, since the rest holds all the same."""
    if not can_watch_streams():
        notes.append("no cameras were measured: they can be watched on Linux and macOS only")
        return None
    try:
        return measure_streams(classifier, cameras=settings.cameras, seconds=settings.camera_seconds)
    except SourceError as error:
        notes.append(f"no cameras were measured: {error}")
        return None


def _film(folder: Path, settings: BenchSettings) -> Path:
    path = folder / "film.mp4"
    write_film(path, frames=min(settings.source_frames, 300))
    return path


def _model(session: ModelSession) -> dict[str, Any]:
    spec = session.spec
    return {
        "path": str(session.path),
        "kind": spec.kind,
        "size_wh": list(spec.size_wh),
        "frame_rate": spec.frame_rate,
        "window_frames": spec.window,
        "labels": len(spec.labels),
    }
