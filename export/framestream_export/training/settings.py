"""What a person chooses about a training run, checked once, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from framestream.errors import SettingsError
from framestream.model.spec import MAX_AHEAD

KINDS = ("window", "stateful")
HEADS = ("lstm", "bidirectional", "mean")
ALL_BLOCKS = -1


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that shapes the outcome of `framestream train`, apart from the data.

    Attributes:
        kind: "window" (many-to-one: each prediction from `window` frames) or "stateful" (many-to-many: one per
            frame).
        encoder: The name of a network of `encoders.designs`, or of a keras.applications backbone, "@ALPHA" appended for
            its width.
        weights: Where the encoder starts from: "none", "people" (small, MoveNetLightning), "imagenet"
            (EfficientNetLite0, backbones), a weights file, or the folder of a finished run, whose recurrent head is
            taken along if it has the same labels and shape.
        fine_tune: Where the encoder starts from weights it stays as it is while the head is trained on its features;
            afterwards so many of its last blocks are trained together with the head. `ALL_BLOCKS` trains everything
            together from the start, as is always done where the encoder starts from "none".
        fine_tune_epochs: Most epochs of training the last blocks.
        augmentations: How many augmented copies (mirrored, in other light, …) of every clip a frozen encoder makes
            features of, beside the clip itself; see `examples.augmentation`. Joints are augmented as they are read
            instead, and each clip is gone through as often.
        size: Height and width of the model's frames, pixels.
        frame_rate: Frames the model sees per second of media time.
        window: Frames per prediction; for stateful models half the frames of a training example, whose first
            prediction has no context at all.
        head: What looks at features over time: "lstm", or for window models "bidirectional" (an LSTM each way) or
            "mean" (of the window's features: no order at all); see `heads`.
        lstm_units: Width of the recurrent layer; bidirectional, of each of the two.
        predict_ahead_seconds: How much later than the newest frame the label holds that a prediction names; 0 names
            what is seen.
        feature_dim: Numbers the small encoder (and the layer put on a backbone) makes of a frame.
        dropout: Share of a frame's features dropped in training; a projection drops half of its own instead.
        label_smoothing: Probability given away to the other classes in training.
        flip: Whether training mirrors half of the examples; wrong where left and right are different classes.
        epochs: Most epochs to train.
        batch_size: Runs per step; a run is 2 x `window` consecutive frames.
        learning_rate: Peak of the cosine schedule.
        weight_decay: Decoupled weight decay of AdamW.
        patience: Epochs without a better validation loss before training stops.
        seed: Fixes the split, the weights at the start, and everything random in training.
        background: The label that means "nothing happens"; None takes "idle" or "background" where there is one.
        time_limit_minutes: How long training may take, everything included; see `time_limit`.
    """

    kind: str = "window"
    encoder: str = "small"
    weights: str = "none"
    fine_tune: int = 0
    fine_tune_epochs: int = 10
    augmentations: int = 4
    size: int = 96
    frame_rate: float = 12.5
    window: int = 16
    head: str = "lstm"
    lstm_units: int = 96
    feature_dim: int = 128
    dropout: float = 0.2
    label_smoothing: float = 0.05
    flip: bool = True
    epochs: int = 40
    batch_size: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 10
    seed: int = 0
    background: str | None = None
    time_limit_minutes: float | None = None
    predict_ahead_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that cannot train, by name and value."""
        if self.kind not in KINDS:
            raise SettingsError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")
        for name in (
            "size",
            "window",
            "lstm_units",
            "feature_dim",
            "epochs",
            "fine_tune_epochs",
            "batch_size",
            "patience",
        ):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.size < 16:
            raise SettingsError(f"size must be at least 16 pixels, not {self.size}")
        if self.feature_dim < 4:
            raise SettingsError(f"feature_dim must be at least 4, not {self.feature_dim}")
        if self.kind == "window" and self.window < 2:
            raise SettingsError(f"window must be at least 2 frames, not {self.window}")
        if not 0 < self.frame_rate <= 240:
            raise SettingsError(f"frame_rate must be above 0 and at most 240 per second, not {self.frame_rate}")
        for name in ("dropout", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 0 and below 1, not {getattr(self, name)}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise SettingsError("learning_rate must be above 0 and weight_decay not below 0")
        if self.seed < 0:
            raise SettingsError(f"seed must not be negative, not {self.seed}")
        if self.time_limit_minutes is not None and not self.time_limit_minutes > 0:
            raise SettingsError(f"time_limit_minutes must be above 0, not {self.time_limit_minutes}")
        if self.fine_tune < ALL_BLOCKS or self.augmentations < 0:
            raise SettingsError(
                f"fine_tune and augmentations must not be negative, not {self.fine_tune} and {self.augmentations}"
            )
        if self.fine_tune > 0 and self.weights.lower() == "none":
            raise SettingsError(
                f"fine_tune {self.fine_tune} is for an encoder that starts from weights; with weights none all of it is"
                " trained"
            )
        self._check_head()

    def _check_head(self) -> None:
        if self.head not in HEADS:
            raise SettingsError(f"head {self.head!r} is none of {', '.join(HEADS)}")
        if self.kind != "window" and self.head != "lstm":
            raise SettingsError(f"head {self.head!r} reads a whole window: it goes with kind 'window' only")
        ahead_frames = self.predict_ahead_seconds * self.frame_rate
        if self.predict_ahead_seconds and not 1 <= ahead_frames <= MAX_AHEAD:
            raise SettingsError(
                f"predict_ahead_seconds must be 0, or {1 / self.frame_rate:g} (one frame) to"
                f" {MAX_AHEAD / self.frame_rate:g}, not {self.predict_ahead_seconds}"
            )

    @property
    def two_stage(self) -> bool:
        """Whether the head is trained on features of an encoder that stays as its weights are."""
        return self.weights.lower() != "none" and self.fine_tune != ALL_BLOCKS

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the model's frames, pixels."""
        return self.size, self.size

    @property
    def anchor_frames(self) -> int:
        """How many frames before the last one of its window a prediction is about; negative if about the future."""
        if self.predict_ahead_seconds:
            return -round(self.predict_ahead_seconds * self.frame_rate)
        return self.window // 2 if self.kind == "window" else 0

    @property
    def run_frames(self) -> int:
        """Consecutive frames in one training example: longer than the window, so that a frame is encoded once."""
        return 2 * self.window

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainSettings:
        """Read settings as `to_json` wrote them; unknown keys are an error, missing ones take their default."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise SettingsError(f"unknown training settings: {', '.join(sorted(unknown))}")
        return cls(**values)
