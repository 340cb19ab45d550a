"""The range of numbers at each place of an encoder, from real frames: what whole numbers have to span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

_KEPT_PER_BATCH = 4096
_SHRINKS = np.linspace(1.0, 0.3, 36)
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class Span:
    """uint8 numbers for a tensor: value = (number - zero) * scale.

    Attributes:
        scale: Step between two numbers.
        zero: The number that means 0.
    """

    scale: np.float32
    zero: np.uint8

    @classmethod
    def between(cls, low: float, high: float) -> Span:
        """The numbers 0 to 255 from `low` to `high`, with 0 among them exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32(max(high - low, 1e-6) / _LEVELS)
        return cls(scale, np.uint8(round(-low / float(scale))))

    def error(self, values: NDArray[np.float32]) -> float:
        """Mean squared error of values turned into numbers and back."""
        numbers = np.clip(np.rint(values / self.scale) + np.float32(self.zero), 0, _LEVELS)
        return float(np.square((numbers - np.float32(self.zero)) * self.scale - values).mean())


def measure_spans(encoder: Any, tensors: Sequence[str], batches: Iterable[NDArray[np.uint8]]) -> dict[str, Span]:
    """Find for each tensor the span that loses least: a few large values are worth cutting off.

    Args:
        encoder: An onnx.ModelProto with one input.
        tensors: Names of float tensors in it.
        batches: What to run it on, each uint8 [N, 3, height, width].
    """
    observed = onnx.ModelProto()
    observed.CopyFrom(encoder)
    known = {value.name for value in observed.graph.output}
    observed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in known)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(observed.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (frames,) = (value.name for value in session.get_inputs())
    kept: dict[str, list[NDArray[np.float32]]] = {name: [] for name in tensors}
    rng = np.random.default_rng(0)
    for batch in batches:
        for name, values in zip(tensors, session.run(list(tensors), {frames: batch}), strict=True):
            flat = values.reshape(-1)
            some = flat[rng.integers(0, len(flat), _KEPT_PER_BATCH)]
            kept[name].append(np.concatenate([some, [flat.min(), flat.max()]]))
    return {name: _best_span(np.concatenate(values)) for name, values in kept.items()}


def _best_span(values: NDArray[np.float32]) -> Span:
    low, high = float(values.min()), float(values.max())
    return min((Span.between(low * shrink, high * shrink) for shrink in _SHRINKS), key=lambda span: span.error(values))
