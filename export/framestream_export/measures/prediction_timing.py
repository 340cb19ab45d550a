"""Which moment an answer is about, and when it can be given."""

from __future__ import annotations

from dataclasses import dataclass

from framestream.errors import SettingsError
from framestream.model.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class PredictionTiming:
    """What turns the moment an answer is about into the moment it is given, and back.

    Attributes:
        frame_rate: LabelledPredictions per second of media time.
        window: Frames one answer looks at; 1 for a stateful model.
        anchor_frames: How many frames before the newest one an answer is about; negative if it is about what will be.
    """

    frame_rate: float
    window: int
    anchor_frames: int

    def __post_init__(self) -> None:
        """Refuse what no model has."""
        if not self.frame_rate > 0 or self.window < 1 or self.anchor_frames >= self.window:
            raise SettingsError(
                f"frame_rate {self.frame_rate}, window {self.window}, anchor_frames {self.anchor_frames}: the rate must"
                " be above 0, the window 1 or more, the anchor inside it"
            )

    @classmethod
    def of(cls, spec: ModelSpec) -> PredictionTiming:
        """The timing of an exported model."""
        return cls(spec.frame_rate, spec.window, spec.anchor_frames)

    @property
    def period_seconds(self) -> float:
        """Media time from one answer to the next."""
        return 1 / self.frame_rate

    @property
    def wait_seconds(self) -> float:
        """How long after its moment an answer is given; negative if it is given before."""
        return self.anchor_frames / self.frame_rate

    @property
    def lead_seconds(self) -> float:
        """Media time from the start of a video to the moment its first answer is about."""
        return (self.window - 1 - self.anchor_frames) / self.frame_rate
