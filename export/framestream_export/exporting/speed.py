"""How fast the variants of a model are on this machine, all in turns, so that a busy machine favours none of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.bench.machine import processor_name
from framestream.bench.model_times import FILE_STEPS, throughput, time_models
from framestream.bench.timing import compare
from framestream.cores import threads_text, usable_cores
from framestream.model.onnx_runtime import runtime_version
from framestream.model.session import ModelSession
from framestream_export.files import write_atomically

SPEED_FILE = "speed.json"
_BLOCKS, _RUNS = 12, 6


@dataclass(frozen=True, slots=True)
class Speed:
    """Frames per second of two files on one machine.

    Attributes:
        variant_fps: Frames per second of the variant.
        float32_fps: Frames per second of float32.
        ratio: Median of the variant's speed over float32's, turn by turn.
        steps: Frames per call, for one camera.
        threads: Number of CPU threads.
        machine: Name of the machine's processor.
    """

    variant_fps: float
    float32_fps: float
    ratio: float
    steps: int
    threads: int
    machine: str


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """How long the variants of a model take for a frame.

    Attributes:
        machine: The machine that the times were measured on, half a sentence.
        frame_ms: Median milliseconds for one frame, by variant and frames per run.
    """

    machine: str
    frame_ms: Mapping[str, Mapping[int, float]]


def compare_speed(variant: Path, float32: Path, *, steps: int = FILE_STEPS) -> Speed:
    """Measure two files of one model on the CPU."""
    sessions = {"ours": ModelSession(variant, device="cpu"), "theirs": ModelSession(float32, device="cpu")}
    times = time_models(sessions, steps=dict.fromkeys(sessions, (steps,)), blocks=_BLOCKS, runs=_RUNS)
    ours, theirs = times["ours", steps], times["theirs", steps]
    fps, float32_fps = (throughput(seconds, steps=steps) for seconds in (ours, theirs))
    return Speed(fps, float32_fps, compare(theirs, ours).median, steps, sessions["ours"].threads, processor_name())


def frame_times(models: Mapping[str, Path], digests: Mapping[str, str], *, run: Path) -> FrameTimes:
    """Return the times of variants, by name: from the run folder if it has those of the same files, else measured.

    Args:
        models: The model files.
        digests: Digests of the files.
        run: The run's folder; where it cannot be written to, nothing is kept.
    """
    path = run / SPEED_FILE
    if (kept := _read(path, digests)) is not None:
        return kept
    times = _measure(models)
    if os.access(run, os.W_OK):
        facts = {
            "machine": times.machine,
            "files": {name: {"digest": digests[name], "frame_ms": times.frame_ms[name]} for name in models},
        }
        text = json.dumps(facts, indent=1) + "\n"
        write_atomically(path, lambda stream: stream.write(text.encode()))
    return times


def _read(path: Path, digests: Mapping[str, str]) -> FrameTimes | None:
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files = facts["files"]
        if any(files[name]["digest"] != digest for name, digest in digests.items()):
            return None
        times = {
            name: {int(steps): float(value) for steps, value in files[name]["frame_ms"].items()} for name in digests
        }
        return FrameTimes(str(facts["machine"]), times)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none, or of other files: measured anew


def _measure(models: Mapping[str, Path]) -> FrameTimes:
    sessions = {name: ModelSession(path, device="cpu") for name, path in models.items()}
    steps = {name: (1,) if session.one_step else (1, FILE_STEPS) for name, session in sessions.items()}
    frame_ms: dict[str, dict[int, float]] = {name: {} for name in models}
    for (name, count), seconds in time_models(sessions, steps=steps, blocks=_BLOCKS, runs=_RUNS).items():
        frame_ms[name][count] = round(1000 / throughput(seconds, steps=count), 3)
    cores, threads = usable_cores(), max(session.threads for session in sessions.values())
    return FrameTimes(
        f"{processor_name()}, {cores} core{'s' if cores > 1 else ''}, {platform.system()}, ONNX Runtime"
        f" {runtime_version()}, CPU, {threads_text(threads)}",
        frame_ms,
    )
