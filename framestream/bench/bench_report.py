"""The figures of a bench, and the targets that they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from framestream.bench.timing import Spread, Timings

Bound = Literal["at most", "at least"]
Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for a figure, for example "at most 5": `bound` and `value`."""

    bound: Bound
    value: float

    def holds(self, value: float) -> bool:
        """Return whether a figure keeps to the target."""
        return value <= self.value if self.bound == "at most" else value >= self.value

    def shortfall(self, value: float) -> float:
        """Return by which share of the target a figure misses it; 0 if it does not."""
        if self.holds(value):
            return 0.0
        return abs(value - self.value) / self.value if self.value else abs(value)

    def __str__(self) -> str:
        """Return the target as a table shows it."""
        return f"{self.bound} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two things measured in turns, one divided by the other.

    Attributes:
        name: Name of the ratio, which says what is divided by what.
        spread: Median of the ratio over the turns, and the quartiles.
        meaning: What the ratio compares, in words.
        target: The target for the ratio, or None.
        reason: Why the ratio misses its target, where that can be said.
    """

    name: str
    spread: Spread
    meaning: str
    target: Target | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        value = self.spread.median
        return {
            "value": value,
            "low": self.spread.low,
            "high": self.spread.high,
            "meaning": self.meaning,
            **judge(value, self.target),
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class CamerasFigures:
    """Cameras in real time, all through one session: such as are read over the network, or pictures from memory.

    Attributes:
        cameras: Number of cameras.
        facts: Of both `size_wh`, `rate` (frames per second of each camera), `seconds` (measured), `frames_read`,
            `predictions`, `dropped` (frames by reason) and `cores_used` (processor time over time). Of cameras read
            over the network also `codec` and `transport`; `connect_seconds` until all had a prediction, and
            `dropped_while_connecting`; `connections_lost`; and of `cores_used` the parts `cores_of_readers` (a process
            for each camera: reading, decoding, scaling) and `cores_of_this_process` (the model, events, records), and
            of that `cores_of_the_model` (its runs alone). `cores_that_play_the_cameras` are in none of them. Their
            `frames_read` are all from beginning to end. Cores are None where the system does not say what other
            processes take. Of pictures from memory also `frames_sampled` and `frames_skipped`.
        staleness: Time from the arrival of a frame to its prediction.
        staleness_target_ms: Upper limit for the 95th percentile of the staleness, milliseconds.
        reason: Why a target is missed; empty if none is.
    """

    cameras: int
    facts: Facts
    staleness: Timings
    staleness_target_ms: float
    reason: str = ""

    @property
    def frames_dropped(self) -> int:
        """Frames that came and were not used for want of time."""
        return sum(self.facts["dropped"].values())

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {
            "cameras": self.cameras,
            **self.facts,
            "frames_dropped": self.frames_dropped,
            "frames_dropped_verdict": judge(self.frames_dropped, Target("at most", 0)),
            "staleness": asdict(self.staleness),
            "staleness_p95_verdict": judge(self.staleness.p95_ms, Target("at most", self.staleness_target_ms)),
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """What a camera that sends nothing costs: processor time over wall time, a share of one core."""

    seconds: float
    cpu_share: float
    target: Target

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {"seconds": self.seconds, "cpu_share": self.cpu_share, **judge(self.cpu_share, self.target)}


@dataclass(frozen=True, slots=True)
class BenchReport:
    """Everything one bench measured.

    Attributes:
        machine: Cores, load, versions, provider, threads.
        model: Path and what matters of its spec.
        source: The video that was read.
        stages: Milliseconds by stage. `decode` is of every frame of the source, `preprocess` and `total` (from
            grabbing a frame to its results, on one thread) of those the model wants. `model` is the bare graph on
            one frame, `encode` and `head` its two parts, `new prediction` the same through the runtime.
        throughput: Frames or predictions per second, by the name of what was measured.
        ratios: Ratios of things measured in turns.
        memory: Bytes before and at the peak of watching the source in a process of its own; None if unknown here.
        cameras: Cameras in real time, each read and decoded by a process of its own, or None if left out.
        pictures_in_memory: As many streams of pictures that a program pushes from memory, of the same size and rate:
            they are scaled and go through the model, but nothing is read or decoded; or None if left out.
        idle: Figures of one paused camera, or None if left out.
        notes: What could not be measured, and why.
    """

    machine: Facts
    model: Facts
    source: Facts
    stages: Mapping[str, Timings]
    throughput: Mapping[str, float]
    ratios: tuple[Ratio, ...]
    memory: Facts | None = None
    cameras: CamerasFigures | None = None
    pictures_in_memory: CamerasFigures | None = None
    idle: IdleFigures | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as one JSON object; all numbers are finite."""
        return {
            "machine": dict(self.machine),
            "model": dict(self.model),
            "source": dict(self.source),
            "stages": {name: asdict(timings) for name, timings in self.stages.items()},
            "throughput": dict(self.throughput),
            "ratios": {ratio.name: ratio.to_dict() for ratio in self.ratios},
            "memory": None if self.memory is None else dict(self.memory),
            "cameras": None if self.cameras is None else self.cameras.to_dict(),
            "pictures_in_memory": None if self.pictures_in_memory is None else self.pictures_in_memory.to_dict(),
            "idle": None if self.idle is None else self.idle.to_dict(),
            "notes": list(self.notes),
        }


def judge(value: float, target: Target | None) -> dict[str, Any]:
    """Return target, whether it holds and by which share it is missed, as a JSON object."""
    if target is None:
        return {"target": None, "met": None, "shortfall": None}
    return {"target": str(target), "met": target.holds(value), "shortfall": target.shortfall(value)}
