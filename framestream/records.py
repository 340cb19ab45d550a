"""What a watch yields, and the JSON Lines that ``framestream watch --format jsonl`` prints.

One JSON object a line, UTF-8, in this order: one ``start``, any number of the three in the middle, one ``end``.
Times are seconds of media time: 0 is the first timestamp the file gives. Readers must ignore fields they do not know.

``start``
    ``source`` (path), ``size_wh`` ([width, height]), ``declared_fps`` and ``declared_frames`` (from the header; null
    if absent),
    ``model`` (path), ``provider`` (what ONNX Runtime runs on), ``threads``, ``labels`` (in the model's order),
    ``background`` (label that is never an event, or null), ``frame_rate`` (frames per second the model sees),
    ``model_window_seconds``.
``prediction`` (only with ``--predictions``)
    ``pts_seconds`` (end of the window), ``label`` and ``score`` (the most probable one), ``probabilities`` (label to
    probability).
``event``
    ``label``, ``score`` (mean smoothed probability), ``start_seconds``, ``end_seconds``; printed when it ends. Times
    say when it happened, not when it was noticed.
``gap``
    ``pts_seconds`` (end of the last frame before it), ``reason``, ``resume_seconds`` (first timestamp after it).
    Nothing is carried across a gap: an open event ends at ``pts_seconds``.
``end``
    ``frames_read``, ``frames_sampled`` (used by the model), ``frames_held`` (times a frame was used again because
    the source had none for that moment), ``frames_skipped`` (between the model's moments, not needed),
    ``frames_dropped`` (lost because processing was too slow; 0 for files), ``predictions``, ``events``, ``gaps``,
    ``media_seconds`` (without what gaps left out), ``wall_seconds``, ``interrupted`` (the watch was stopped; the frame
    counts then include the few that had been read ahead). A watch that ends with an error has no ``end``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias


class _Record:
    """Shared by the records: field by field into a JSON object."""

    __slots__ = ()
    type: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object; floats are rounded to microseconds and millionths."""
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type]
        return {"type": self.type, **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(_Record):
    """The first record of a watch."""

    type: ClassVar[str] = "start"
    source: str
    size_wh: tuple[int, int]
    declared_fps: float | None
    declared_frames: int | None
    model: str
    provider: str
    threads: int
    labels: tuple[str, ...]
    background: str | None
    frame_rate: float
    model_window_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(_Record):
    """One row of probabilities; ``pts_seconds`` is the end of the window it looked at."""

    type: ClassVar[str] = "prediction"
    pts_seconds: float
    label: str
    score: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(_Record):
    """Something that happened from ``start_seconds`` to ``end_seconds``."""

    type: ClassVar[str] = "event"
    label: str
    score: float
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(_Record):
    """A break in the source: what came before ended at ``pts_seconds``, the next frame is at ``resume_seconds``."""

    type: ClassVar[str] = "gap"
    pts_seconds: float
    reason: str
    resume_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End(_Record):
    """The last record of a watch."""

    type: ClassVar[str] = "end"
    frames_read: int
    frames_sampled: int
    frames_held: int
    frames_skipped: int
    frames_dropped: int
    predictions: int
    events: int
    gaps: int
    media_seconds: float
    wall_seconds: float
    interrupted: bool


Record: TypeAlias = Start | Prediction | Event | Gap | End


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
