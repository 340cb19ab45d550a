"""Is a variant faster than float32, here and now? Both in turns, so that a busy machine is no advantage for one."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framestream.session import ModelSession

_STEPS = 16
_RUNS = 60
_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Frames per second of two files on one machine.

    Attributes:
        variant_fps: Of the variant.
        float32_fps: Of float32.
        ratio: Median of the variant's speed over float32's, run by run.
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
    sessions = [ModelSession(path, device="cpu") for path in (variant, float32)]
    spec = sessions[0].spec
    frames = np.random.default_rng(0).integers(0, 256, (1, steps, spec.height, spec.width, 3), dtype=np.uint8)
    seconds = np.empty((_RUNS, 2))
    for run in range(-_WARM_UP, _RUNS):
        for index, session in enumerate(sessions):
            state = session.zero_state()
            start = time.perf_counter()
            session.run(frames, state)
            seconds[run, index] = time.perf_counter() - start  # warm-up runs are overwritten
    ours, theirs = steps / np.median(seconds, axis=0)
    ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
    return Speed(float(ours), float(theirs), ratio, steps, sessions[0].threads, _processor())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
