"""`framestream info`: show what a model file holds."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from framestream.classifier import Classifier
from framestream.escapes import escape
from framestream.model.session import ModelSession
from framestream.model.spec import KEY_PREFIX

_MOST_DIGITS = 18


@click.command()
@click.argument("model", required=False)
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
def info(model: str | None, format_name: str) -> None:
    """Show what a MODEL says about itself.

    Without MODEL, the one that comes with FrameStream. Also shows what it would run on here.
    """
    facts = model_facts(Classifier.load(model).session)
    if format_name == "json":
        click.echo(json.dumps(facts, indent=2, allow_nan=False))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(escape(f"{name:<{width}}  {_as_text(value)}"))


def model_facts(session: ModelSession) -> dict[str, Any]:
    """Return everything known about a loaded model, in the order to show it; None where the file does not say."""
    spec, state = session.spec, session.zero_state()
    return {
        "model": str(session.path),
        "file_bytes": session.path.stat().st_size,
        "variant": session.metadata.get(f"{KEY_PREFIX}variant"),
        "kind": spec.kind,
        "labels": list(spec.labels),
        "background": spec.background,
        "frame_rate": spec.frame_rate,
        "window_frames": spec.window,
        "window_seconds": spec.window_seconds,
        "anchor_frames": spec.anchor_frames,
        "predict_ahead_seconds": spec.ahead_seconds or None,
        "head": spec.head,
        "size_wh": list(spec.size_wh),
        "color": spec.color,
        "resize": spec.resize,
        "cameras_at_once": 1 if session.one_camera else "any",
        "steps_at_once": 1 if session.one_step else "any",
        "state": {name: list(array.shape[1:]) for name, array in state.items()},
        "state_bytes": sum(array.nbytes for array in state.values()),
        "parameters": _count(session, "parameters"),
        "macs_per_frame": _count(session, "macs_per_frame"),
        "opset": _count(session, "opset"),
        "operators": _operators(session),
        "event_enter": spec.events.enter,
        "event_leave": spec.events.leave,
        "event_smoothing_seconds": spec.events.smoothing_seconds,
        "event_min_seconds": spec.events.min_seconds,
        "accuracy": spec.accuracy,
        "parity": spec.parity,
        "temperature": spec.temperature,
        "drop": _share(session, "variant_drop"),
        "flips": _share(session, "variant_flips"),
        "producer": spec.producer,
        "training_fingerprint": spec.training_fingerprint,
        "created": spec.created,
        "spec_version": spec.spec_version,
        "provider": session.provider,
        "threads": session.threads,
    }


def _count(session: ModelSession, name: str) -> int | None:
    """A whole number that export writes beside the spec; None in files of before, or of others."""
    text = session.metadata.get(KEY_PREFIX + name, "")
    return _whole(text)


def _whole(text: str) -> int | None:
    # Python makes no number of thousands of digits.
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _share(session: ModelSession, name: str) -> float | None:
    try:
        value = float(session.metadata[KEY_PREFIX + name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _operators(session: ModelSession) -> dict[str, int] | None:
    """Return how often each operator is in the graph, the commonest first."""
    lines = session.metadata.get(f"{KEY_PREFIX}operators", "").split("\n")
    pairs = [line.rpartition(" ") for line in lines]
    found = {name: number for name, _, count in pairs if name and (number := _whole(count)) is not None}
    return found or None


def _as_text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_as_text(item)}" for name, item in value.items())
    if isinstance(value, list):
        separator = " x " if all(isinstance(item, int) for item in value) else ", "
        return separator.join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
