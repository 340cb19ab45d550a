"""How long the variants take on this machine, measured side by side once and kept with the run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.bench.machine import processor_name
from framestream.bench.timing import time_in_turns
from framestream.cores import told_threads, usable_cores
from framestream.model.spec import FRAMES
from framestream.model.threads import default_threads
from framestream_export.files import write_atomically
from framestream_export.verification.graph_run import GraphRun, Tensors

SPEED_FILE = "speed.json"
_STEPS = (1, 16)
_BLOCKS, _RUNS = 10, 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured times.

    Attributes:
        machine: What they were measured on, half a sentence.
        frame_ms: By variant and frames per run: median milliseconds for one frame.
    """

    machine: str
    frame_ms: Mapping[str, Mapping[int, float]]


def speed_of(models: Mapping[str, Path], digests: Mapping[str, str], *, run: Path) -> Speed:
    """Times of variants, by name: those the run folder holds of these very files, else measured now and kept there.

    Args:
        models: The files.
        digests: Of the files.
        run: The run's folder; where it cannot be written to, nothing is kept.
    """
    place = run / SPEED_FILE
    if (kept := _read(place, digests)) is not None:
        return kept
    speed = _measure(models)
    if os.access(run, os.W_OK):
        facts = {
            "machine": speed.machine,
            "files": {name: {"digest": digests[name], "frame_ms": speed.frame_ms[name]} for name in models},
        }
        text = json.dumps(facts, indent=1) + "\n"
        write_atomically(place, lambda stream: stream.write(text.encode()))
    return speed


def _read(place: Path, digests: Mapping[str, str]) -> Speed | None:
    try:
        facts: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        files = facts["files"]
        if any(files[name]["digest"] != digest for name, digest in digests.items()):
            return None
        times = {
            name: {int(steps): float(value) for steps, value in files[name]["frame_ms"].items()} for name in digests
        }
        return Speed(str(facts["machine"]), times)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none, or of other files: measured anew


def _measure(models: Mapping[str, Path]) -> Speed:
    # Variants of one model, so each would get as many by itself.
    threads = max(default_threads(GraphRun(path).metadata) for path in models.values())
    tasks: dict[str, Callable[[], object]] = {}
    frames: dict[tuple[str, int], int] = {}
    for name, path in models.items():
        graph = GraphRun(path, threads=threads)
        for steps in (1,) if graph.fixed_steps else _STEPS:
            tasks[f"{name} {steps}"] = _Task(graph, steps)
            frames[name, steps] = steps
    measured = time_in_turns(tasks, blocks=_BLOCKS, runs=_RUNS)
    times: dict[str, dict[int, float]] = {name: {} for name in models}
    for name, steps in frames:
        times[name][steps] = round(float(np.median(measured[f"{name} {steps}"])) * 1000 / steps, 3)
    cores = usable_cores()
    return Speed(
        f"{processor_name()}, {cores} core{'s' if cores > 1 else ''}, {platform.system()}, {GraphRun.runtime_name()},"
        f" CPU, {told_threads(threads)}",
        times,
    )


class _Task:
    """Some frames through a graph, its state fed on."""

    def __init__(self, graph: GraphRun, steps: int) -> None:
        self._graph = graph
        rng = np.random.default_rng(0)
        shape: Sequence[int] = (1, steps, *graph.frame_shape)
        self._frames: NDArray[np.uint8] = rng.integers(0, 256, shape, dtype=np.uint8)
        self._state: Tensors = graph.zero_state(1)

    def __call__(self) -> None:
        self._state = self._graph.next_state(self._graph.run({FRAMES: self._frames, **self._state}))
