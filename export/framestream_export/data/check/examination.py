"""What an examination of every file of a data set found: figures, copies, and whether it can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["identical", "near", "mirrored"]
OPEN = "open"


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings of training that decide whether a data set can be trained on.

    Attributes:
        frame_rate: Frames per second the model sees.
        window: Frames per prediction.
    """

    frame_rate: float
    window: int

    @property
    def window_seconds(self) -> float:
        """How long a clip must be to fill a window."""
        return self.window / self.frame_rate


@dataclass(frozen=True, slots=True)
class Clip:
    """Facts about one recording, as found by reading its file.

    Attributes:
        name: The file's path relative to the data set.
        group: Group of the recording.
        split: The split that the data set fixes for the recording, or "open".
        reason: Why the recording cannot be used; empty if it can.
        frames: Number of frames that decode.
        duration_seconds: Time from the first frame to the end of the last.
        frame_rate: Frames per second, measured.
        variable_rate: Whether the pauses between frames differ.
        width: Width of the picture after rotation, pixels.
        height: Height of the picture after rotation, pixels.
        label_seconds: How long each label of the recording holds.
    """

    name: str
    group: str
    split: str
    reason: str
    frames: int
    duration_seconds: float
    frame_rate: float
    variable_rate: bool
    width: int
    height: int
    label_seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """Facts about a label over the whole data set; `recordings_by_split` has keys train, validation, test and open."""

    label: str
    recordings: int
    groups: int
    segments: int
    seconds: float
    share: float
    shortest_seconds: float
    recordings_by_split: dict[str, int]


@dataclass(frozen=True, slots=True)
class Copy:
    """Two recordings that show the same.

    Attributes:
        first: Name of one recording.
        second: Name of the other.
        kind: "identical" (the same bytes), "near" (encoded, scaled or cut anew) or "mirrored".
        likeness: 1 for the same bytes; else how much alike what moves in them is, up to 1.
        apart: "splits" if they are in different splits, "groups" if training may put them there, or "".
        labels_differ: Whether the two recordings carry different labels.
    """

    first: str
    second: str
    kind: Kind
    likeness: float
    apart: Literal["splits", "groups", ""]
    labels_differ: bool


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Least, middle and greatest of some numbers, all 0 where there is none."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> ValueRange:
        """The range of these numbers."""
        ordered = sorted(values)
        return cls(ordered[0], ordered[len(ordered) // 2], ordered[-1]) if ordered else cls(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a person should know; `kind` is a stable word for programs."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that examining a data set found.

    Attributes:
        data: Path of the data set.
        background: The label for "nothing happens", or None.
        layout: Name of the data set's layout.
        clips: The recordings, in order.
        labels: The labels, in order.
        copies: Recordings that show the same.
        warnings: What a person should know about the data set.
        reasons: Why the data set cannot be trained on; empty if it can.
        sheets: Contact sheets that were written.
    """

    data: str
    background: str | None
    layout: str = ""
    clips: tuple[Clip, ...] = ()
    labels: tuple[LabelSummary, ...] = ()
    copies: tuple[Copy, ...] = ()
    warnings: tuple[Remark, ...] = ()
    reasons: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether it can be trained on."""
        return not self.reasons

    @property
    def readable(self) -> list[Clip]:
        """Recordings that decode."""
        return [clip for clip in self.clips if clip.frames]

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """Width, height, and how many recordings have it; the most common first."""
        counts: dict[tuple[int, int], int] = {}
        for clip in self.readable:
            counts[clip.width, clip.height] = counts.get((clip.width, clip.height), 0) + 1
        return sorted(((*size, count) for size, count in counts.items()), key=lambda found: (-found[2], found))

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; its keys do not change."""
        splits = {clip.split for clip in self.clips}
        return {
            "data": self.data,
            "usable": self.usable,
            "reasons": list(self.reasons),
            "warnings": [asdict(remark) for remark in self.warnings],
            "background": self.background,
            "layout": self.layout,
            "recordings": len(self.clips),
            "groups": len({clip.group for clip in self.clips}),
            "splits": {name: sum(clip.split == name for clip in self.clips) for name in sorted(splits)},
            "seconds": sum(clip.duration_seconds for clip in self.clips),
            "duration_seconds": asdict(ValueRange.of([clip.duration_seconds for clip in self.readable])),
            "frame_rate": {
                **asdict(ValueRange.of([clip.frame_rate for clip in self.readable])),
                "variable": sum(clip.variable_rate for clip in self.readable),
            },
            "sizes": [{"width": width, "height": height, "recordings": count} for width, height, count in self.sizes],
            "labels": [asdict(label) for label in self.labels],
            "unreadable": [{"name": clip.name, "reason": clip.reason} for clip in self.clips if clip.reason],
            "copies": [asdict(copy) for copy in self.copies],
            "sheets": list(self.sheets),
            "clips": [asdict(clip) for clip in self.clips],
        }
