"""Does an exported model keep the contract, and does it say what Keras says? Checks with measured figures.

Without a run this needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from rich.table import Table

from framestream.errors import FrameStreamError, ModelError
from framestream.events import EventDetector
from framestream.records import Event
from framestream.session import ModelSession
from framestream.spec import ModelSpec
from framestream_export.graph import check_structure
from framestream_export.parity import INVARIANCE_LIMIT, PARITY_LIMIT, largest_difference, onnx_rows

if TYPE_CHECKING:
    from framestream_export.finished_run import FinishedRun

_STEPS = (1, 3, 16)
_CAMERAS = (1, 4)
_LEAST_SPREAD = 0.1
_LEAST_ROWS = 50
_SYNTHETIC_SEQUENCES = 6


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    measured: str
    limit: str
    passed: bool


def verify(model: Path, *, run: Path | None = None) -> list[Check]:
    """Check an exported model.

    Args:
        model: An ONNX file.
        run: The run it was exported from; adds the comparison with Keras, on real frames. A model that has hardly
            learnt anything fails it: where the probabilities of a class do not vary, agreement proves nothing.

    Raises:
        ModelError: The file is no model of ours at all.
        DataError: The run cannot be used.
    """
    session = ModelSession(model, device="cpu")
    checks = [_structure(model, session.spec), _sidecar(model, session.spec)]
    if run is None:
        frames = _synthetic_frames(session.spec)
        return [*checks, *_invariance(session, frames, onnx_rows(session, frames))]
    from framestream_export.finished_run import FinishedRun

    finished = FinishedRun.read(run)
    rows = onnx_rows(session, finished.frames)
    return [*checks, *_against_keras(session.spec, finished, rows), *_invariance(session, finished.frames, rows)]


def table(checks: list[Check]) -> Table:
    """The checks for people."""
    result = Table()
    for column in ("check", "measured", "limit", ""):
        result.add_column(column, overflow="fold")
    for check in checks:
        verdict = "[green]pass[/]" if check.passed else "[bold red]FAIL[/]"
        result.add_row(check.name, check.measured, check.limit, verdict)
    return result


def _structure(path: Path, spec: ModelSpec) -> Check:
    name, limit = "graph: names, one LSTM, no control flow", "as in the contract"
    model = onnx.load(path)
    try:
        check_structure(model, states=spec.state_names)
    except ModelError as error:
        return Check(name, str(error), limit, False)
    return Check(name, f"{len(model.graph.node)} nodes", limit, True)


def _sidecar(path: Path, spec: ModelSpec) -> Check:
    name, limit = "metadata complete, sidecar the same", "all keys"
    sidecar = path.with_suffix(".json")
    missing = [key for key in ("producer", "training_fingerprint") if not getattr(spec, key)]
    missing += [key for key in ("accuracy", "parity", "created") if getattr(spec, key) is None]
    if missing:
        return Check(name, f"no {', '.join(missing)}", limit, False)
    try:
        beside = ModelSpec.from_json(sidecar.read_text(encoding="utf-8"), path=sidecar)
    except (OSError, FrameStreamError) as error:
        return Check(name, f"{sidecar.name}: {error}", limit, False)
    if beside != spec:
        return Check(name, f"{sidecar.name} says something else", limit, False)
    return Check(name, f"{len(spec.to_metadata())} keys", limit, True)


def _against_keras(spec: ModelSpec, finished: FinishedRun, rows: NDArray[np.float32]) -> Iterator[Check]:
    expected = finished.model.answers(finished.frames)
    same_data = spec.training_fingerprint == f"sha256:{finished.record['fingerprint']}"
    same_weights = largest_difference(expected, rows) <= PARITY_LIMIT
    measured = "yes" if same_data and same_weights else "other weights" if same_data else "other data"
    yield Check("made from this run", measured, "same data, same answers", same_data and same_weights)
    count = expected.shape[0] * expected.shape[1]
    yield Check("real answers compared", str(count), f">= {_LEAST_ROWS}", count >= _LEAST_ROWS)
    spread = float((expected.max(axis=(0, 1)) - expected.min(axis=(0, 1))).min())
    # A model that always says the same agrees with anything.
    varied = spread >= _LEAST_SPREAD
    measured = f"{spread:.2f}" if varied else f"{spread:.2f}: the model has learnt too little to prove parity"
    yield Check("probabilities vary (least of the classes)", measured, f">= {_LEAST_SPREAD}", varied)
    yield _agreement("ONNX = Keras", spec, expected, rows, PARITY_LIMIT)


def _invariance(session: ModelSession, frames: NDArray[np.uint8], rows: NDArray[np.float32]) -> Iterator[Check]:
    for name, values in (("steps", _STEPS), ("cameras", _CAMERAS)):
        for value in values:
            options: dict[str, Any] = {name: value}
            other = onnx_rows(session, frames, **options)
            yield _agreement(f"{name} {value} = all at once", session.spec, rows, other, INVARIANCE_LIMIT)


def _agreement(
    name: str, spec: ModelSpec, expected: NDArray[np.float32], found: NDArray[np.float32], limit: float
) -> Check:
    """Probabilities within the limit, and what a user sees, the likeliest class and the events, identical."""
    difference, allowed = largest_difference(expected, found), f"<= {limit:.0e}, same decisions"
    if not np.isfinite(difference):
        return Check(name, f"shapes {expected.shape} and {found.shape}, or not finite", allowed, False)
    other_answers = int((expected.argmax(axis=-1) != found.argmax(axis=-1)).sum())
    pairs = [(_events(spec, ours), _events(spec, theirs)) for ours, theirs in zip(expected, found, strict=True)]
    other_events = sum(_outline(ours) != _outline(theirs) for ours, theirs in pairs)
    measured = f"{difference:.1e}; {sum(len(ours) for ours, _ in pairs)} events"
    if other_answers or other_events:
        measured += f"; {other_answers} answers and the events of {other_events} sequences differ"
    return Check(name, measured, allowed, difference <= limit and not other_answers and not other_events)


def _events(spec: ModelSpec, rows: NDArray[np.float32]) -> list[Event]:
    detector = EventDetector.for_model(spec)
    events: list[Event] = []
    for index, row in enumerate(rows):
        events += detector.push((spec.window - 1 + index) / spec.frame_rate, row)
    return events + detector.flush((spec.window + len(rows)) / spec.frame_rate)


def _outline(events: list[Event]) -> list[tuple[str, float, float]]:
    """What must be identical: label and times, not the last digits of the score."""
    return [(event.label, event.start_seconds, event.end_seconds) for event in events]


def _synthetic_frames(spec: ModelSpec) -> NDArray[np.uint8]:
    """A bright disc on its way over a textured ground, for want of real frames: uint8 [sequences, frames, H, W, 3]."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: spec.height, : spec.width] / max(spec.height, spec.width)
    ground = rng.integers(0, 120, (_SYNTHETIC_SEQUENCES, 1, spec.height, spec.width, 3), dtype=np.uint8)
    frames: NDArray[np.uint8] = np.repeat(ground, spec.window + 2 * max(_STEPS), axis=1)
    for number, sequence in enumerate(frames):
        for index, frame in enumerate(sequence):
            angle = (index * (0.1 + 0.05 * number)) + number
            inside = (rows - 0.5 - 0.3 * np.sin(angle)) ** 2 + (columns - 0.5 - 0.3 * np.cos(1.3 * angle)) ** 2 < 0.02
            frame[inside] = 120 + 20 * number
    return frames
