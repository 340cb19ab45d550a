"""The model by itself: what a new prediction costs, in parts, bare, the naive way, and for many cameras at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framestream.bench.bench_report import Ratio, Target
from framestream.bench.model_times import FILE_STEPS
from framestream.bench.split import GraphParts, take_apart
from framestream.bench.synthetic_footage import model_frames, model_images
from framestream.bench.timing import Seconds, Timings, compare, time_in_turns
from framestream.errors import ModelError
from framestream.frames import Image
from framestream.model.onnx_runtime import ALL_CORES, open_runtime_session
from framestream.model.session import NEXT_PREFIX, PROBABILITIES, ModelSession
from framestream.model.spec import FRAMES
from framestream.sampling.sampler import Sample
from framestream.stream import Stream

# ONNX Runtime's threads go on spinning for about a millisecond after a run, if left to its defaults.
_SPIN_OUT_SECONDS = 0.01


@dataclass(slots=True)
class ModelFigures:
    """Figures measured on a model."""

    stages: dict[str, Timings] = field(default_factory=dict)
    throughput: dict[str, float] = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class NewPrediction:
    """A camera's next frame, already scaled, through `Stream`: state, model, checks, records and events."""

    def __init__(self, session: ModelSession, images: list[Image]) -> None:
        """Start a stream and fill its window."""
        self._stream = Stream(session)
        self._images = images
        self._rate = session.spec.frame_rate
        self._tick = 0
        for _ in range(session.spec.window):
            self()

    def __call__(self) -> None:
        """Feed one frame to the stream."""
        image = self._images[self._tick % len(self._images)]
        self._stream.feed(Sample(image, self._tick / self._rate))
        self._tick += 1


class BareRun:
    """ONNX Runtime's own `session.run` of a model, with nothing around it; feeds the state on."""

    def __init__(self, session: ModelSession, frames: NDArray[np.uint8], *, defaults: bool = False) -> None:
        """Open the model in a session of its own.

        Args:
            session: The model, and the options to open it with.
            frames: The frames of each run, `[cameras, steps, height, width, 3]`.
            defaults: Use ONNX Runtime's own options (all cores, threads that spin) instead of the session's.
        """
        self._session = open_runtime_session(
            session.path,
            provider=session.provider,
            threads=ALL_CORES if defaults else session.threads,
            spinning=defaults,
        )
        self._frames = frames
        self._state = session.zero_state(len(frames))
        self._outputs = [PROBABILITIES, *(NEXT_PREFIX + name for name in session.spec.state_names)]

    def __call__(self) -> None:
        """Run the model once."""
        values = self._session.run(self._outputs, {FRAMES: self._frames, **self._state})
        self._state = dict(zip(self._state, values[1:], strict=True))


def measure_model(session: ModelSession, *, cameras: int, blocks: int, runs: int) -> ModelFigures:
    """Time a model in all ways, in turns."""
    spec = session.spec
    images = model_images(spec.size_wh)
    one = model_frames(spec.size_wh, cameras=1, steps=1)
    figures = ModelFigures()
    parts = _parts(session, one, figures.notes)
    tasks: dict[str, Callable[[], object]] = {
        "new prediction": NewPrediction(session, images),
        "bare": BareRun(session, one),
        "file": BareRun(session, model_frames(spec.size_wh, cameras=1, steps=FILE_STEPS)),
    }
    if parts is not None:
        tasks["encode"] = lambda: parts.run_encoder(one)
        tasks["head"] = parts.run_head
    if spec.window > 1:
        tasks["naive"] = _naive(session, parts, model_frames(spec.size_wh, cameras=1, steps=spec.window))
    if cameras > 1:
        tasks["cameras"] = BareRun(session, model_frames(spec.size_wh, cameras=cameras, steps=1))
    measured = time_in_turns(tasks, blocks=blocks, runs=runs)
    _summarise(figures, measured, cameras)
    figures.ratios.insert(1, _against_defaults(session, images, one, blocks=blocks, runs=runs))
    return figures


def _summarise(figures: ModelFigures, measured: dict[str, Seconds], cameras: int) -> None:
    ours, bare = measured["new prediction"], measured["bare"]
    figures.stages["model"] = Timings.of(bare)
    for name in ("encode", "head"):
        if name in measured:
            figures.stages[name] = Timings.of(measured[name])
    figures.stages["new prediction"] = Timings.of(ours)
    figures.throughput["new_predictions"] = 1 / float(np.median(ours))
    figures.throughput["inference_alone_frames"] = FILE_STEPS / float(np.median(measured["file"]))
    figures.ratios.append(
        Ratio(
            "new_prediction_over_bare_run",
            compare(ours, bare),
            "a new frame through the runtime (state, checks, records, events) / ONNX Runtime's session.run alone",
            Target("at most", 1.25),
        )
    )
    if "naive" in measured:
        figures.ratios.append(
            Ratio(
                "naive_over_new_prediction",
                compare(measured["naive"], ours),
                "encoding the whole window again for each prediction / encoding the new frame only",
            )
        )
    if "cameras" in measured:
        figures.throughput[f"model_frames_of_{cameras}_cameras"] = cameras / float(np.median(measured["cameras"]))
        figures.ratios.append(
            Ratio(
                f"model_throughput_of_{cameras}_cameras_over_one",
                compare(bare * cameras, measured["cameras"]),
                f"frames per second of the model with {cameras} cameras in one run / with one camera",
                Target("at least", 1.0),
            )
        )


def _against_defaults(
    session: ModelSession, images: list[Image], one: NDArray[np.uint8], *, blocks: int, runs: int
) -> Ratio:
    # By itself: threads that spin would take the cores from whoever comes next.
    tasks: dict[str, Callable[[], object]] = {
        "ours": NewPrediction(session, images),
        "defaults": BareRun(session, one, defaults=True),
    }
    measured = time_in_turns(tasks, blocks=blocks, runs=runs, pause_seconds=_SPIN_OUT_SECONDS)
    return Ratio(
        "new_prediction_over_default_session",
        compare(measured["ours"], measured["defaults"]),
        "the same / a session with ONNX Runtime's default options, whose threads spin on all cores",
    )


def _parts(session: ModelSession, frame: NDArray[np.uint8], notes: list[str]) -> GraphParts | None:
    try:
        return take_apart(session, frame)
    except ModelError as error:
        notes.append(f"encoder and head were not timed apart ({error})")
        return None


def _naive(session: ModelSession, parts: GraphParts | None, window: NDArray[np.uint8]) -> Callable[[], object]:
    """Predict as a program does that keeps no state: the whole window goes through the encoder for each prediction."""
    if parts is None:
        state = session.zero_state()
        return lambda: session.run(window, state)

    def encode_all_and_predict() -> None:
        parts.run_encoder(window)
        parts.run_head()

    return encode_all_and_predict
