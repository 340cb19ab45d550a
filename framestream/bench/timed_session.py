"""A model that knows how much processor time its runs have taken."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framestream.model.onnx_runtime import CUDA
from framestream.model.session import Device, ModelSession, State


class TimedSession(ModelSession):
    """A session of the same model that adds up what runs take.

    Attributes:
        used_seconds: Processor time of all runs so far. Of a model that runs on several threads, what this process does
            beside it in the meantime is counted in; of one on a GPU, what the processor does for it.
    """

    def __init__(self, session: ModelSession) -> None:
        """Open the model of a session once more, with its provider and threads."""
        self.used_seconds = 0.0
        device: Device = "cuda" if session.provider == CUDA else "cpu"
        super().__init__(session.path, device=device, threads=session.threads)

    def run_with(
        self, frames: NDArray[np.uint8], state: State, outputs: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
        """Run new frames, see `ModelSession.run_with`."""
        # Only the thread's own clock leaves out the threads that take in frames.
        clock = time.thread_time if self.threads == 1 else time.process_time
        began_seconds = clock()
        try:
            return super().run_with(frames, state, outputs)
        finally:
            self.used_seconds += clock() - began_seconds
