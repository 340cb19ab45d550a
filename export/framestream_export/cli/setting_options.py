"""Options whose type and default are those of a field of TrainSettings, for the commands that share them."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from framestream_export.training.settings import TrainSettings

_DEFAULTS = TrainSettings()


def setting_option(flag: str, metavar: str | None = None, *, name: str | None = None, **options: Any) -> Any:
    """An option whose type and default are those of the field of TrainSettings."""
    name = name or flag.removeprefix("--").replace("-", "_")
    default = getattr(_DEFAULTS, name)
    options.setdefault("type", str if default is None else type(default))
    options.setdefault("show_default", True)
    return click.option(flag, name, metavar=metavar, default=default, **options)


def is_given(ctx: click.Context, name: str) -> bool:
    """Whether an option was given on the command line."""
    return ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)


WEIGHTS_OPTIONS = (
    setting_option(
        "--encoder",
        "NAME",
        show_default="the preset's",
        help="Instead of a preset: small, EfficientNetLite0, MoveNetLightning, or one of keras.applications.",
    ),
    setting_option(
        "--weights",
        "none|people|imagenet|FILE|RUN",
        show_default="the preset's; with --encoder none",
        help="What the encoder starts from; a RUN gives its head, too.",
    ),
)
FRAMES_OPTIONS = (
    setting_option(
        "--size",
        "PIXELS",
        show_default=f"the preset's; with --encoder {_DEFAULTS.size}",
        help="Height and width of the model's frames.",
    ),
    setting_option("--rate", "FPS", name="frame_rate", help="Frames the model sees per second."),
)
