"""What a watch had used and dropped by two moments, and how many processor cores that is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

from framestream.bench.processor_time import child_seconds
from framestream.bench.timed_session import TimedSession
from framestream.watch.watch import Watch


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been used and dropped by a moment.

    Attributes:
        at_seconds: The moment, by `time.monotonic()`.
        own_seconds: Processor time of this process.
        model_seconds: What the model's runs took of it.
        children_seconds: Processor time of its children, by process number; None where this cannot be known.
        dropped: Frames dropped, by reason.
    """

    at_seconds: float
    own_seconds: float
    model_seconds: float
    children_seconds: dict[int, float] | None
    dropped: Counter[str]

    @classmethod
    def now(cls, watch: Watch, session: TimedSession) -> Moment:
        """Return what a watch and its model have used and dropped so far."""
        dropped: Counter[str] = Counter()
        for counts in watch.dropped.values():
            dropped.update(counts)
        return cls(time.monotonic(), time.process_time(), session.used_seconds, child_seconds(), dropped)


def cores_used(begin: Moment, end: Moment, *, server: int, others: Set[int]) -> dict[str, float | None]:
    """Return how many processor cores were used between two moments, and by whom; see `CamerasFigures`.

    A reader that ended in between is left out.

    Args:
        begin: The first moment.
        end: The second moment.
        server: Number of the process that plays the cameras.
        others: Numbers of child processes that have nothing to do with the watch.
    """
    wall_seconds = end.at_seconds - begin.at_seconds
    own = (end.own_seconds - begin.own_seconds) / wall_seconds
    readers = player = None
    if begin.children_seconds is not None and end.children_seconds is not None:
        used = {
            pid: (seconds - begin.children_seconds.get(pid, 0.0)) / wall_seconds
            for pid, seconds in end.children_seconds.items()
            if pid not in others
        }
        player = used.pop(server, 0.0)
        readers = sum(used.values())
    return {
        "cores_used": None if readers is None else own + readers,
        "cores_of_readers": readers,
        "cores_of_this_process": own,
        "cores_of_the_model": (end.model_seconds - begin.model_seconds) / wall_seconds,
        "cores_that_play_the_cameras": player,
    }
