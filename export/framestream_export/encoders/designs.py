"""The encoders there are: networks of ours, each with the weights it can start from, and those of Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framestream.errors import SettingsError
from framestream_export.encoders.backbones import BACKBONES, WITH_ALPHA
from framestream_export.encoders.efficientnet_lite import build_efficientnet_lite0
from framestream_export.encoders.lite0_weights import find_lite0_weights, load_lite0_weights
from framestream_export.encoders.pose_encoder import build_pose_encoder, load_movenet_weights
from framestream_export.encoders.small_encoder import build_small_encoder, load_people_weights


@dataclass(frozen=True, slots=True)
class EncoderDesign:
    """A network that is built here.

    Attributes:
        name: The design's name, as given to `--encoder`.
        build: Makes a Keras model from frames [N, size, size, 3], RGB 0..255, to features [N, D], its weights random,
            given size and feature_dim.
        weights: Sets the weights of such a model, by the names of weights that exist.
        load_pth: Sets them from PyTorch's kind of file; None where no such file is known.
    """

    name: str
    build: Callable[[int, int], Any]
    weights: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    load_pth: Callable[[Any, Path], None] | None = None


DESIGNS = {
    design.name: design
    for design in (
        EncoderDesign("small", build_small_encoder, {"people": load_people_weights}),
        EncoderDesign(
            "EfficientNetLite0",
            lambda size, _: build_efficientnet_lite0(size),
            {"imagenet": lambda network: load_lite0_weights(network, find_lite0_weights())},
            load_lite0_weights,
        ),
        EncoderDesign("MoveNetLightning", lambda size, _: build_pose_encoder(size), {"people": load_movenet_weights}),
    )
}


@dataclass(frozen=True, slots=True)
class EncoderName:
    """A parsed encoder name: the spelling of the catalogue and the width multiplier, e.g. "mobilenetv2@0.35"."""

    name: str
    alpha: float | None

    def __str__(self) -> str:
        """Return the name as a user would write it, e.g. "mobilenetv2@0.35"."""
        return self.name if self.alpha is None else f"{self.name}@{self.alpha:g}"

    @classmethod
    def parse(cls, text: str) -> EncoderName:
        """Raise SettingsError for a name nobody knows, listing those that are known."""
        name, at, alpha = text.partition("@")
        known = {candidate.lower(): candidate for candidate in (*DESIGNS, *BACKBONES)}
        if name.lower() not in known:
            raise SettingsError(f"no encoder {name!r}; known are {', '.join(known.values())}")
        name = known[name.lower()]
        if not at:
            return cls(name, None)
        if name not in WITH_ALPHA:
            raise SettingsError(f"{name} has no width multiplier; only {', '.join(WITH_ALPHA)} have one")
        try:
            return cls(name, float(alpha))
        except ValueError:
            raise SettingsError(f"width multiplier {alpha!r} in {text!r} is not a number") from None
