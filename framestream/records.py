"""What a watch yields, and the JSON Lines that `framestream watch --format jsonl` prints.

One JSON object a line, UTF-8: for each camera one `start`, any number of those in the middle, one `end`; several
cameras come interleaved. Times are seconds of media time, as a player shows them: 0 is the beginning of a file, which
is its picture's unless sound begins earlier (then the first picture comes later than 0); where the first timestamps are
missing or negative, 0 is the first frame. In films and streams media time never runs backwards: where the clock of one
restarts, it goes on where it was, behind a gap. Times that a program gives (`PushedFrames`, a source of its own) are
kept as they are. A live source counts on after an outage. Readers must ignore fields and types they do not know.

Fields that say nothing are left out: `camera` (its name) where there is only one without a name, `zone` (name of
the part of the picture) where there are no zones, `staleness_seconds` (from the arrival of the newest frame it rests
on until it was known) unless the source is live.

`start`
    `source` (path), `size_wh` ([width, height]), `declared_fps` and `declared_frames` (from the header; null
    if absent), `decoder` (library that decodes, `av` or `opencv`; left out where none is told),
    `model` (path), `provider` (what ONNX Runtime runs on), `threads`, `labels` (in the model's order),
    `background` (label that is never an event, or null), `frame_rate` (frames per second the model sees),
    `model_window_seconds`, `slower_than_model` (true if the header declares fewer frames than the model sees, so
    that each is used more than once), `predict_ahead_seconds` (only of a model that predicts what will be: how much
    later than `pts_seconds` the moment is that a prediction is about), `insecure` (true if its certificate was not
    checked, else left out). `camera`.
`status` (only for live sources, and where there are many)
    `state` (`connecting`, `live`, `stalled`: no frames for some time, `reconnecting`, `ended`, `failed`:
    given up, `overloaded`: reported once for all cameras, when frames are dropped because the machine or the reader
    of these records is too slow), `reason` and `retry_seconds` (until it is tried again) where there is one,
    `camera`. A camera that could not be opened at all has no `start`.
`prediction` (only with `--predictions`)
    `pts_seconds` (end of the window), `anchor_seconds` (the moment it is about: by default the window's middle),
    `label` and `score` (the most probable one), `probabilities` (label to
    probability), `camera`, `zone`, `staleness_seconds`; with `--keypoints`, `keypoints`: of the newest frame, for each
    joint of the person nearest the middle [x, y, score], from the left and the top of the picture or zone, 0 to 1. In
    order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, left before right.
`event`
    `label`, `score` (mean smoothed probability), `start_seconds`, `end_seconds`; printed when it ends. Times
    say when it happened, not when it was noticed; of a model that predicts what will be, when it is expected to happen,
    and then it may end up to `predict_ahead_seconds` after the video or a gap. `camera`, `zone`,
    `staleness_seconds`.
`gap`
    `pts_seconds` (end of the last frame before it), `reason`, `resume_seconds` (first timestamp after it),
    `frames_lost` (an estimate, where there is one), `camera`. Nothing is carried across a gap: an open event ends
    at `pts_seconds`.
`end`
    `frames_read`, `frames_sampled` (used by the model), `frames_held` (times a frame was used again because
    the source had none for that moment), `frames_undecodable` (damaged, in no other count; left out if there are
    none), `frames_skipped` (between the model's moments, not needed),
    `frames_dropped` (read or pushed, but never seen by the model; 0 for files read to their end), `dropped` (the
    same by reason; left out if there are none), `predictions`, `events`, `gaps`, `media_seconds` (without
    what gaps left out), `wall_seconds`, `interrupted` (it was stopped before its end), `camera`. Always
    `frames_read` = `frames_sampled` + `frames_skipped` + `frames_dropped`. With zones, frames are counted once,
    predictions and events are those of all zones. A single watch that ends with an error has no `end`; of many
    cameras each has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias

Keypoints: TypeAlias = tuple[tuple[float, float, float], ...]
"""Joints of a person: x and y of each, 0..1 of the picture or zone, and a score, 0..1. Their order: nose, eyes, ears,
shoulders, elbows, wrists, hips, knees, ankles, left before right."""


class _Record:
    """Shared by the records: field by field into a JSON object."""

    __slots__ = ()
    type: ClassVar[str]
    left_out: ClassVar[frozenset[str]] = frozenset()
    """Fields that are no part of the object while they are None or empty."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object; floats are rounded to microseconds and millionths."""
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type]
        kept = {name: value for name, value in values.items() if name not in self.left_out or value not in (None, {})}
        return {"type": self.type, **kept}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(_Record):
    """The first record of a watch."""

    type: ClassVar[str] = "start"
    left_out: ClassVar[frozenset[str]] = frozenset({"camera", "decoder", "insecure", "predict_ahead_seconds"})
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
    slower_than_model: bool = False
    predict_ahead_seconds: float | None = None
    decoder: str | None = None
    insecure: bool | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(_Record):
    """The probabilities of all labels at one tick; `pts_seconds` is the end of the window they rest on."""

    type: ClassVar[str] = "prediction"
    left_out: ClassVar[frozenset[str]] = frozenset({"camera", "zone", "staleness_seconds", "keypoints"})
    pts_seconds: float
    label: str
    score: float
    probabilities: dict[str, float]
    anchor_seconds: float
    camera: str | None = None
    zone: str | None = None
    staleness_seconds: float | None = None
    keypoints: Keypoints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(_Record):
    """Something that happened from `start_seconds` to `end_seconds`."""

    type: ClassVar[str] = "event"
    left_out: ClassVar[frozenset[str]] = frozenset({"camera", "zone", "staleness_seconds"})
    label: str
    score: float
    start_seconds: float
    end_seconds: float
    camera: str | None = None
    zone: str | None = None
    staleness_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(_Record):
    """A break in the source: what came before ended at `pts_seconds`, the next frame is at `resume_seconds`."""

    type: ClassVar[str] = "gap"
    left_out: ClassVar[frozenset[str]] = frozenset({"frames_lost", "camera"})
    pts_seconds: float
    reason: str
    resume_seconds: float
    frames_lost: int | None = None
    camera: str | None = None


CameraState = Literal["connecting", "live", "stalled", "reconnecting", "ended", "failed", "overloaded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(_Record):
    """How a camera is, reported whenever it changes."""

    type: ClassVar[str] = "status"
    left_out: ClassVar[frozenset[str]] = frozenset({"reason", "retry_seconds", "camera"})
    state: CameraState
    reason: str | None = None
    retry_seconds: float | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End(_Record):
    """The last record of a watch."""

    type: ClassVar[str] = "end"
    left_out: ClassVar[frozenset[str]] = frozenset({"camera", "dropped", "frames_undecodable"})
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
    dropped: dict[str, int] = field(default_factory=dict)
    frames_undecodable: int | None = None
    camera: str | None = None


Record: TypeAlias = Start | Status | Prediction | Event | Gap | End


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
