"""Frames through an exported model in any portions, and how far its predictions are from others. No TensorFlow here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framestream.model.session import ModelSession

PARITY_LIMIT = 1e-4
INVARIANCE_LIMIT = 1e-5


def onnx_rows(
    session: ModelSession, frames: NDArray[np.uint8], *, steps: int | None = None, cameras: int | None = None
) -> NDArray[np.float32]:
    """Return the exported model's predictions when it is fed in chunks with its state carried along.

    Args:
        session: The exported model.
        frames: uint8 [sequences, frames, height, width, 3].
        steps: Frames per call; None feeds all at once.
        cameras: Sequences per call; None feeds all at once.

    Returns:
        float32 [sequences, rows, classes], as from `SequenceModel.predictions`.
    """
    steps, cameras = steps or frames.shape[1], cameras or frames.shape[0]
    rows = []
    for first in range(0, len(frames), cameras):
        some = frames[first : first + cameras]
        state, chunks = session.zero_state(len(some)), []
        for start in range(0, frames.shape[1], steps):
            probabilities, state = session.run(np.ascontiguousarray(some[:, start : start + steps]), state)
            chunks.append(probabilities)
        rows.append(np.concatenate(chunks, axis=1))
    return np.concatenate(rows)[:, session.spec.window - 1 :]


def largest_difference(expected: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Max |expected - found|; infinity where they do not have one shape or are not all finite."""
    if expected.shape != found.shape or not (np.isfinite(expected).all() and np.isfinite(found).all()):
        return float("inf")
    return float(np.abs(expected - found).max())
