"""A model next to its parts: bare, as encoder and head, and both checked against the whole."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framestream.bench.split import Split
from framestream.errors import ModelError
from framestream.model.session import NEXT_PREFIX, PROBABILITIES, ModelSession, import_runtime, open_graph
from framestream.model.spec import FRAMES

Tensors: TypeAlias = dict[str, NDArray[Any]]

_TOLERANCE = 1e-4


class BareRun:
    """ONNX Runtime's own ``session.run`` of a model, with nothing around it; feeds the state on."""

    def __init__(self, session: ModelSession, frames: NDArray[np.uint8], *, defaults: bool = False) -> None:
        """Open the model anew.

        Args:
            session: the model, and the options to open it with.
            frames: what each run is given, ``[cameras, steps, height, width, 3]``.
            defaults: use ONNX Runtime's own options (all cores, threads that spin) instead of the session's.
        """
        runtime = import_runtime()
        self._session = (
            runtime.InferenceSession(str(session.path), providers=[session.provider])
            if defaults
            else open_graph(runtime, session.path, [session.provider], session.threads)
        )
        self._frames = frames
        self._state: Tensors = dict(session.zero_state(len(frames)))
        self._outputs = [PROBABILITIES, *(NEXT_PREFIX + name for name in session.spec.state_names)]

    def __call__(self) -> None:
        """Run once."""
        values = self._session.run(self._outputs, {FRAMES: self._frames, **self._state})
        self._state = dict(zip(self._state, values[1:], strict=True))


@dataclass(frozen=True, slots=True)
class GraphParts:
    """Encoder and head of a model as two sessions, proven to answer as the whole."""

    encoder: Any
    head: Any
    crossing: tuple[str, ...]
    head_inputs: Tensors

    def run_encoder(self, frames: NDArray[np.uint8]) -> Tensors:
        """Turn frames into the tensors that cross over to the head."""
        return dict(zip(self.crossing, self.encoder.run(list(self.crossing), {FRAMES: frames}), strict=True))

    def run_head(self) -> list[NDArray[Any]]:
        """Run the head on what the model was taken apart with."""
        values: list[NDArray[Any]] = self.head.run(None, self.head_inputs)
        return values


def take_apart(session: ModelSession, frame: NDArray[np.uint8]) -> GraphParts:
    """Cut a model into encoder and head, and check them against the whole.

    Args:
        session: the model.
        frame: ``[cameras, steps, height, width, 3]``; what ``GraphParts.run_head`` answers.

    Raises:
        ModelError: it cannot be cut, or the parts do not answer as the whole does.
    """
    split = Split(session.path.read_bytes(), session.spec.state_names)
    if not split.crossing:
        raise ModelError(f"{session.path}: nothing of it is independent of its state; it is one part")
    runtime = import_runtime()
    encoder = _open(runtime, session, split.encoder())
    crossing = dict(zip(split.crossing, encoder.run(list(split.crossing), {FRAMES: frame}), strict=True))
    head = _open(runtime, session, split.head(crossing))
    names = {item.name for item in head.get_inputs()}
    state = session.zero_state(len(frame))
    given: Tensors = {FRAMES: frame, **state, **crossing}
    parts = GraphParts(encoder, head, split.crossing, {name: value for name, value in given.items() if name in names})
    outputs = [item.name for item in head.get_outputs()]
    expected, _ = session.run(frame, state)
    found = parts.run_head()[outputs.index(PROBABILITIES)]
    if np.abs(found - expected).max() > _TOLERANCE:
        raise ModelError(f"{session.path}: encoder and head, run one after the other, answer otherwise than the whole")
    return parts


def _open(runtime: ModuleType, session: ModelSession, content: bytes) -> Any:
    return open_graph(runtime, session.path, [session.provider], session.threads, content=content)
