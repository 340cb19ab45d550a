"""How long models take for a run of so many cameras and frames: the one measurement that all comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from framestream.bench.synthetic_footage import model_frames
from framestream.bench.timing import Seconds, time_in_turns
from framestream.model.session import ModelSession

FILE_STEPS = 16
"""Frames a run where frames need not be waited for: those of a file."""


class ModelRun:
    """The same frames through a model again and again, its state fed on as a stream's is."""

    def __init__(self, session: ModelSession, *, cameras: int = 1, steps: int = 1) -> None:
        """Start with a state of zeros, `cameras` side by side, `steps` frames of each in a run."""
        self._session = session
        self._frames = model_frames(session.spec.size_wh, cameras=cameras, steps=steps)
        self._state = session.zero_state(cameras)

    def __call__(self) -> None:
        """Run the model once."""
        _, self._state = self._session.run(self._frames, self._state)


def time_models(
    sessions: Mapping[str, ModelSession], *, steps: Mapping[str, Sequence[int]], blocks: int, runs: int
) -> dict[tuple[str, int], Seconds]:
    """Time models with one camera, all in turns; see `time_in_turns`.

    Args:
        sessions: The models, by name.
        steps: Numbers of frames a run to try, by the model's name; a file that takes fewer at once is run that much
            more often.
        blocks: Number of turns of each model.
        runs: Measured runs in a turn.

    Returns:
        Seconds a run, `[blocks, runs]`, by the model's name and the frames a run.
    """
    tasks = {(name, count): ModelRun(sessions[name], steps=count) for name in sessions for count in steps[name]}
    return time_in_turns(tasks, blocks=blocks, runs=runs)


def throughput(seconds: Seconds, *, steps: int) -> float:
    """Return how many frames go through in a second, by the median of runs of `steps` frames."""
    return steps / float(np.median(seconds))
