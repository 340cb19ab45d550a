"""Timing several things fairly on a machine that does other work as well: in turns, and compared turn by turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from framestream.errors import SettingsError

Seconds = NDArray[np.float64]
"""Measured times, `[blocks, runs]` or `[runs]`."""
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Timings:
    """Summary of many measured times, milliseconds; `count` is how many there were."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Seconds | Sequence[float]) -> Timings:
        """Summarise times in seconds.

        Raises:
            SettingsError: No times were given.
        """
        milliseconds = np.asarray(seconds, np.float64).ravel() * 1000
        if milliseconds.size == 0:
            raise SettingsError("no time was measured; give a longer source or more runs")
        p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, (50, 95, 99)))
        return cls(milliseconds.size, float(milliseconds.mean()), p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Spread:
    """A ratio as seen in several turns: the median, and the quarter of turns below `low` and above `high`."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float] | Seconds) -> Spread:
        """Summarise one value a turn."""
        low, median, high = (float(value) for value in np.percentile(np.asarray(values, np.float64), (25, 50, 75)))
        return cls(median, low, high)


def time_in_turns(
    tasks: Mapping[Name, Callable[[], object]], *, blocks: int, runs: int, pause_seconds: float = 0.0
) -> dict[Name, Seconds]:
    """Time each task, a block of runs at a time, all tasks in turn.

    What else the machine does then falls on all of them alike. A block's first run brings the task's data back into
    the caches and is not counted, since nobody who runs a model runs others in between.

    Args:
        tasks: The functions to time, by name.
        blocks: Number of turns of each task.
        runs: Measured runs in a turn.
        pause_seconds: Rest before each turn, where a task leaves threads that spin.

    Returns:
        Seconds of each run, `[blocks, runs]`, by the task's name.
    """
    if blocks < 1 or runs < 1:
        raise SettingsError(f"blocks is {blocks} and runs is {runs}: both must be 1 or more")
    names = list(tasks)
    measured = {name: np.empty((blocks, runs)) for name in names}
    for block in range(blocks):
        # Whoever comes first changes from block to block.
        first = block % len(names) if names else 0
        for name in names[first:] + names[:first]:
            time.sleep(pause_seconds)
            task = tasks[name]
            task()
            for run in range(runs):
                began = time.perf_counter()
                task()
                measured[name][block, run] = time.perf_counter() - began
    return measured


def compare(measured: Seconds, reference: Seconds) -> Spread:
    """Return how often longer one task took than another, turn by turn; both `[blocks, runs]`."""
    return Spread.of(np.median(measured, axis=1) / np.median(reference, axis=1))
