"""Whether two sets of predictions are the same for a user: probabilities, the likeliest class, and the events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framestream.events import EventDetector
from framestream.model.spec import ModelSpec
from framestream.records import Event
from framestream_export.exporting.parity import largest_difference
from framestream_export.verification.checks import Check


def agreement(
    name: str, spec: ModelSpec, expected: NDArray[np.float32], found: NDArray[np.float32], limit: float
) -> Check:
    """Check that probabilities are within the limit, and likeliest classes and events identical.

    Args:
        name: Name of the check.
        spec: Specification of the model.
        expected: float32 [sequences, predictions, classes].
        found: Predictions to compare with `expected`, of the same shape.
        limit: Largest difference of a probability.
    """
    difference, allowed = largest_difference(expected, found), f"<= {limit:.0e}, same decisions"
    if not np.isfinite(difference):
        return Check(name, f"shapes {expected.shape} and {found.shape}, or not finite", allowed, False)
    other_predictions = int((expected.argmax(axis=-1) != found.argmax(axis=-1)).sum())
    pairs = [(_events(spec, ours), _events(spec, theirs)) for ours, theirs in zip(expected, found, strict=True)]
    other_events = sum(_outline(ours) != _outline(theirs) for ours, theirs in pairs)
    measured = f"{difference:.1e}; {sum(len(ours) for ours, _ in pairs)} events"
    if other_predictions or other_events:
        measured += f"; {other_predictions} predictions and the events of {other_events} sequences differ"
    return Check(name, measured, allowed, difference <= limit and not other_predictions and not other_events)


def _events(spec: ModelSpec, rows: NDArray[np.float32]) -> list[Event]:
    detector = EventDetector.for_model(spec)
    events: list[Event] = []
    for index, row in enumerate(rows):
        events += detector.push((spec.window - 1 + index) / spec.frame_rate, row)
    return events + detector.flush((spec.window + len(rows)) / spec.frame_rate)


def _outline(events: list[Event]) -> list[tuple[str, float, float]]:
    """Return what must be identical of an event: label and times, not the last digits of the score."""
    return [(event.label, event.start_seconds, event.end_seconds) for event in events]
