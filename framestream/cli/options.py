"""Options that several commands share, and what they all refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from framestream.model.threads import MAX_THREADS

_Command = TypeVar("_Command", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A range of numbers; Click's own lets pass what is none (nan), and what is without end."""

    name = "float range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


POSITIVE = FiniteRange(0, min_open=True)
PROBABILITY = FiniteRange(0, 1, min_open=True)


def running_options(command: _Command) -> _Command:
    """Add `--device` and `--threads`: where and how a model runs."""
    device = click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to run; auto takes CUDA if it works.",
    )
    threads = click.option(
        "--threads",
        type=click.IntRange(1, MAX_THREADS),
        help="CPU threads for the model; by default 1 for a small one, up to 4 for others.",
    )
    return device(threads(command))
