"""Is a variant faster than float32, here and now? Both in turns, so that a busy machine is no advantage for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from framestream.bench.machine import processor_name
from framestream.bench.timing import compare, time_in_turns
from framestream.model.session import ModelSession

_STEPS = 16
_BLOCKS, _RUNS = 12, 6


@dataclass(frozen=True, slots=True)
class Speed:
    """Frames per second of two files on one machine.

    Attributes:
        variant_fps: Of the variant.
        float32_fps: Of float32.
        ratio: Median of the variant's speed over float32's, turn by turn.
        steps: Frames per call, for one camera.
        threads: CPU threads.
        machine: Its processor.
    """

    variant_fps: float
    float32_fps: float
    ratio: float
    steps: int
    threads: int
    machine: str


def compare_speed(variant: Path, float32: Path, *, steps: int = _STEPS) -> Speed:
    """Measure two files of one model on the CPU."""
    sessions = {name: ModelSession(path, device="cpu") for name, path in (("ours", variant), ("theirs", float32))}
    spec, threads = sessions["ours"].spec, sessions["ours"].threads
    frames = np.random.default_rng(0).integers(0, 256, (1, steps, spec.height, spec.width, 3), dtype=np.uint8)
    tasks: dict[str, Callable[[], object]] = {
        name: partial(session.run, frames, session.zero_state()) for name, session in sessions.items()
    }
    seconds = time_in_turns(tasks, blocks=_BLOCKS, runs=_RUNS)
    ours, theirs = (steps / float(np.median(seconds[name])) for name in ("ours", "theirs"))
    ratio = compare(seconds["theirs"], seconds["ours"]).median
    return Speed(ours, theirs, ratio, steps, threads, processor_name())
