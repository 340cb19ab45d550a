"""Which moment a prediction is about, and when it can be made."""

from __future__ import annotations

from dataclasses import dataclass

from framestream.errors import SettingsError
from framestream.model.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class PredictionTiming:
    """How the moment that a prediction is about and the moment when it is made are related.

    Attributes:
        frame_rate: Predictions per second of media time.
        window: Frames that one prediction is made from; 1 for a stateful model.
        anchor_frames: How many frames before the newest one a prediction is about; negative if it is about
            the future.
    """

    frame_rate: float
    window: int
    anchor_frames: int

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no model can have."""
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
        """Media time from one prediction to the next."""
        return 1 / self.frame_rate

    @property
    def wait_seconds(self) -> float:
        """How long after its moment a prediction is made; negative if it is made before."""
        return self.anchor_frames / self.frame_rate

    @property
    def lead_seconds(self) -> float:
        """Media time from the start of a video to the moment its first prediction is about."""
        return (self.window - 1 - self.anchor_frames) / self.frame_rate
