"""Which encoder made features, and at which rate: features of another one mean something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from framestream.errors import DataError

_DIGEST = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[\w.@+ -]{1,100}")
_LIMITS = {"size": (16, 4096), "feature_dim": (1, 65536), "frame_rate": (0.01, 240)}


@dataclass(frozen=True, slots=True)
class FeatureMaker:
    """An encoder with its weights, and how films were sampled for it.

    Attributes:
        encoder: The network's name, as `--encoder` takes it.
        weights: The name of its weights, as `--weights` takes it; of a file or a run the name without its folder.
        weights_digest: SHA-256 of network and weights, see `encoders.digest`.
        size: Height and width of its frames, pixels.
        frame_rate: Frames per second of media time.
        feature_dim: How many numbers the features of a frame are.
        keypoints: Whether they are joints.
    """

    encoder: str
    weights: str
    weights_digest: str
    size: int
    frame_rate: float
    feature_dim: int
    keypoints: bool

    def __post_init__(self) -> None:
        """Refuse what no encoder is."""
        for name in ("encoder", "weights"):
            if not isinstance(getattr(self, name), str) or not _NAME.fullmatch(getattr(self, name)):
                raise DataError(f"{name} {getattr(self, name)!r} is no name")
        if not isinstance(self.weights_digest, str) or not _DIGEST.fullmatch(self.weights_digest):
            raise DataError(f"weights_digest {self.weights_digest!r} is no SHA-256")
        for name, (least, most) in _LIMITS.items():
            value, kind = getattr(self, name), (int, float) if name == "frame_rate" else int
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                raise DataError(f"{name} {value!r} is no number from {least} to {most}")
        if not isinstance(self.keypoints, bool):
            raise DataError(f"keypoints {self.keypoints!r} is neither true nor false")

    def __str__(self) -> str:
        """What it is, in words."""
        return (
            f"{self.encoder} at {self.size} pixels and {self.frame_rate:g} frames a second, weights {self.weights}"
            f" ({self.weights_digest[:12]})"
        )

    def makes_the_same(self, other: FeatureMaker) -> bool:
        """Whether features of both mean the same, whatever their weights were called."""
        return all(
            getattr(self, item.name) == getattr(other, item.name) for item in fields(self) if item.name != "weights"
        )

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> FeatureMaker:
        """Read what `dataclasses.asdict` gives; other keys do not matter.

        Raises:
            DataError: A fact is missing, or cannot be true.
        """
        missing = [item.name for item in fields(cls) if item.name not in facts]
        if missing:
            raise DataError(f"its note lacks {', '.join(missing)}")
        return cls(**{item.name: facts[item.name] for item in fields(cls)})
