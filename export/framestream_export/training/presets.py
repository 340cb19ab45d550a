"""Models with a plain meaning, for those who do not want to choose a network.

Nothing heavy is imported here: the command line shows these figures in its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from framestream.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Preset:
    """An encoder, its weights and a picture size under one name.

    Attributes:
        name: The preset's name, as given to `--preset`.
        title: The network's name in the help.
        encoder: Name, as `encoders.building.build_encoder` knows it.
        weights: Weights that the encoder starts from; none are downloaded.
        size: Height and width of the frames, pixels.
        parameters: Number of the encoder's parameters, batch norms included.
        macs_per_frame: Multiply-adds the encoder needs for a frame.
        purpose: When to take this preset, a few words.
    """

    name: str
    title: str
    encoder: str
    weights: str
    size: int
    parameters: int
    macs_per_frame: int
    purpose: str

    def to_settings(self) -> dict[str, Any]:
        """The fields of TrainSettings that it stands for."""
        return {
            "encoder": self.encoder,
            "weights": self.weights,
            "size": self.size,
        }

    def describe(self) -> str:
        """Return one line of help about the preset."""
        return (
            f"{self.name}: {self.title} at {self.size} px, {_rounded(self.parameters / 1e6)} M parameters,"
            f" {_rounded(self.macs_per_frame / 1e9)} GMAC a frame: {self.purpose}"
        )


PRESETS = (
    Preset(
        "tiny",
        title="the small encoder",
        encoder="small",
        weights="people",
        size=96,
        parameters=437_872,
        macs_per_frame=27_177_984,
        purpose="people only, on the smallest machines",
    ),
    Preset(
        "people",
        title="MoveNet Lightning",
        encoder="MoveNetLightning",
        weights="people",
        size=160,
        parameters=2_317_974,
        macs_per_frame=188_048_000,
        purpose="what people do, by their joints",
    ),
    Preset(
        "small",
        title="EfficientNet-Lite0",
        encoder="EfficientNetLite0",
        weights="imagenet",
        size=160,
        parameters=3_413_024,
        macs_per_frame=195_871_200,
        purpose="people, animals, things",
    ),
    Preset(
        "base",
        title="EfficientNet-Lite0",
        encoder="EfficientNetLite0",
        weights="imagenet",
        size=224,
        parameters=3_413_024,
        macs_per_frame=383_907_552,
        purpose="where what matters is small in the picture",
    ),
)
AUTO_PRESET = "auto"
"""Whichever of `CHOICES` suits the clips; see `encoder_choice`."""
CHOICES = ("people", "small")
DEFAULT_PRESET = "small"
"""What is taken beside `--weights`, `--size` or `--fine-tune`: not every one of `CHOICES` goes with those."""


def preset_named(name: str) -> Preset:
    """The preset of this name.

    Raises:
        SettingsError: No preset has that name.
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise SettingsError(f"no preset {name!r}; there are {', '.join(preset.name for preset in PRESETS)}")


def describe_presets() -> list[str]:
    """A line of help for the choice, and one for each preset, the smallest first."""
    first, *others = CHOICES
    choice = f"{AUTO_PRESET}: {first}, unless {' or '.join(others)} tells your clips apart clearly better: the default"
    return [choice, *(preset.describe() for preset in PRESETS)]


def _rounded(value: float) -> str:
    """Two digits that count: 3.4, 0.13, 0.027."""
    return f"{value:.2g}"
