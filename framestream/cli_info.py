"""``framestream info``."""

from __future__ import annotations

import json
from typing import Any

import click

from framestream.classifier import Classifier
from framestream.session import ModelSession


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
        click.echo(f"{name:<{width}}  {_as_text(value)}")


def model_facts(session: ModelSession) -> dict[str, Any]:
    """Return everything known about a loaded model, in the order to show it."""
    spec = session.spec
    return {
        "model": str(session.path),
        "file_bytes": session.path.stat().st_size,
        "kind": spec.kind,
        "labels": list(spec.labels),
        "background": spec.background,
        "frame_rate": spec.frame_rate,
        "window_frames": spec.window,
        "window_seconds": spec.window_seconds,
        "anchor_frames": spec.anchor_frames,
        "size_wh": list(spec.size_wh),
        "color": spec.color,
        "resize": spec.resize,
        "state": {name: list(array.shape[1:]) for name, array in session.zero_state().items()},
        "event_enter": spec.events.enter,
        "event_leave": spec.events.leave,
        "event_smoothing_seconds": spec.events.smoothing_seconds,
        "event_min_seconds": spec.events.min_seconds,
        "accuracy": spec.accuracy,
        "parity": spec.parity,
        "producer": spec.producer,
        "training_fingerprint": spec.training_fingerprint,
        "created": spec.created,
        "spec_version": spec.spec_version,
        "provider": session.provider,
        "threads": session.threads,
    }


def _as_text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_as_text(item)}" for name, item in value.items())
    if isinstance(value, list):
        separator = " x " if all(isinstance(item, int) for item in value) else ", "
        return separator.join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
