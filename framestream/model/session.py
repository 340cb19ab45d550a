"""A model file, opened: as a session that is checked against the streaming contract, or as a bare graph."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from framestream.errors import ModelError, ModelNotFoundError, ProviderError, SettingsError, SignatureError
from framestream.escapes import is_utf8
from framestream.model.interruption import call_interruptibly
from framestream.model.onnx_runtime import (
    CPU,
    CUDA,
    available_providers,
    first_line,
    make_run_options,
    open_runtime_session,
    runtime_errors,
    stamped_texts,
)
from framestream.model.signature import NEXT_PREFIX, PROBABILITIES, WINDOW_STATE, check_signature
from framestream.model.spec import FRAMES, KEYPOINTS, ModelSpec
from framestream.model.threads import MAX_THREADS, default_threads
from framestream.quantities import read_count

__all__ = ["NEXT_PREFIX", "PROBABILITIES", "WINDOW_STATE", "Device", "GraphRun", "ModelSession", "State", "Tensors"]

Device = Literal["auto", "cpu", "cuda"]
State: TypeAlias = Mapping[str, NDArray[np.float32]]
"""Recurrent state by name, each float32 `[cameras, …]`."""
Tensors: TypeAlias = Mapping[str, NDArray[Any]]
"""What goes into a graph, or comes out, by name."""

# Of models in half precision or whole numbers.
_ROUNDING = 0.01


class ModelSession:
    """A model, loaded and warm. Holds no stream's state, so it may be shared between threads.

    Attributes:
        path: The file that the model came from.
        spec: What the model says about itself.
        metadata: The same and more, as the flat strings in the file.
        provider: The ONNX Runtime execution provider that the model really runs on.
        threads: CPU threads one run may use.
        one_camera: Whether the graph takes one camera at a time; `run` still takes any number, in turns.
        one_step: Whether the graph takes one frame at a time; `run` still takes any number, one after the other.
    """

    def __init__(self, path: str | os.PathLike[str], *, device: Device = "auto", threads: int | None = None) -> None:
        """Load a model and run it once.

        Args:
            path: An ONNX file written by `framestream export`.
            device: `auto` takes CUDA where it works and the CPU elsewhere; the others are taken or refused.
            threads: CPU threads for one run; by default one for a small model or on a GPU, else one for each
                core, at most 4.

        Raises:
            MissingDependencyError: ONNX Runtime is not installed.
            ModelNotFoundError, ModelError: there is no such file, or it is no ONNX model.
            MetadataError, SignatureError: it does not keep the streaming contract.
            ProviderError: The device is not available.
            SettingsError: `device` or `threads` make no sense.
        """
        if device not in get_args(Device):
            raise SettingsError(f"device is {device!r}: give one of {', '.join(get_args(Device))}")
        if threads is not None:
            wanted = f"a number of CPU threads, from 1 to {MAX_THREADS}"
            if read_count(threads, name="threads", wanted=wanted) > MAX_THREADS:
                raise SettingsError(f"threads is {threads}: give {wanted}")
        self.path = Path(path)
        self.threads = threads or 1
        _check_file(self.path)
        provider = _wanted_provider(device)
        self._session = open_runtime_session(self.path, provider=provider, threads=self.threads)
        self.provider: str = self._session.get_providers()[0]
        if device == "cuda" and self.provider != CUDA:
            raise ProviderError(
                "device cuda: ONNX Runtime has a CUDA provider but it did not start, so it would run on "
                f"{self.provider}; check the NVIDIA driver, CUDA and cuDNN, or use --device cpu"
            )
        self.metadata = stamped_texts(self._session, self.path)
        if threads is None and self.provider == CPU:
            # Only the open file says how large the model is.
            self.threads = default_threads(self.metadata)
            if self.threads > 1:
                del self._session
                self._session = open_runtime_session(self.path, provider=provider, threads=self.threads)
        self.spec = ModelSpec.from_metadata(self.metadata, path=self.path)
        self._state_shapes = check_signature(self._session, self.spec, self.path)
        axes = next(item.shape for item in self._session.get_inputs() if item.name == FRAMES)
        self.one_camera, self.one_step = isinstance(axes[0], int), isinstance(axes[1], int)
        self._output_names = (PROBABILITIES, *(NEXT_PREFIX + name for name in self.spec.state_names))
        self._run_options: Any = None
        self._warm_up()

    def __repr__(self) -> str:
        """Return path, provider and threads."""
        return f"ModelSession({str(self.path)!r}, provider={self.provider!r}, threads={self.threads})"

    def zero_state(self, cameras: int = 1) -> dict[str, NDArray[np.float32]]:
        """Return the state that starts a stream: zeros, `[cameras, …]` for each name."""
        return {name: np.zeros((cameras, *shape), np.float32) for name, shape in self._state_shapes.items()}

    def run(
        self, frames: NDArray[np.uint8], state: State
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Run the model on new frames.

        Args:
            frames: uint8 `[cameras, steps, height, width, 3]`, RGB, as `framestream.sampling.resize` makes them.
            state: The state that the call before returned, or `zero_state`.

        Returns:
            Probabilities `[cameras, steps, classes]`, one row per frame, and the state to feed next time. The first
            `window - 1` rows after a zero state look at frames that never were and are no predictions.

        Raises:
            SignatureError: The arrays do not fit the model.
            ModelError: ONNX Runtime fails, or gives probabilities that are none.
        """
        return self.run_with(frames, state, ())[:2]

    def run_with(
        self, frames: NDArray[np.uint8], state: State, outputs: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
        """Run new frames as `run` does, and give what `ModelSpec.outputs` names as well.

        Args:
            frames: As for `run`.
            state: As for `run`.
            outputs: Names out of `ModelSpec.outputs`; what is not named is not computed.

        Returns:
            Probabilities, the state to feed next time, and each output, `[cameras, steps, …]`.

        Raises:
            SettingsError: The model has no such output.
            SignatureError: The arrays do not fit the model.
            ModelError: ONNX Runtime fails, or gives probabilities that are none.
        """
        self._check_run(frames, state)
        if absent := [name for name in outputs if name not in (self.spec.outputs or ())]:
            raise SettingsError(f"{self.path} has no output {absent[0]}; take a model whose encoder gives it")
        if (self.one_camera and len(frames) > 1) or (self.one_step and frames.shape[1] > 1):
            return self._run_in_turns(frames, state, outputs)
        return self._run_once(frames, state, outputs)

    def _check_run(self, frames: NDArray[np.uint8], state: State) -> None:
        expected = (self.spec.height, self.spec.width, 3)
        if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[2:] != expected or 0 in frames.shape:
            raise SignatureError(
                f"{self.path}: frames are {frames.dtype} {list(frames.shape)}; give uint8 [cameras, steps, "
                f"{', '.join(map(str, expected))}]"
            )
        if state.keys() != self._state_shapes.keys():
            raise SignatureError(
                f"{self.path}: state has {sorted(state)}; give {sorted(self._state_shapes)}, as zero_state() does"
            )

    def _run_in_turns(
        self, frames: NDArray[np.uint8], state: State, outputs: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
        """Run frames that are more than the graph takes at once."""
        cameras = 1 if self.one_camera else len(frames)
        steps = 1 if self.one_step else frames.shape[1]
        found, states = [], []
        for first in range(0, len(frames), cameras):
            own = {name: array[first : first + cameras] for name, array in state.items()}
            parts = []
            for start in range(0, frames.shape[1], steps):
                part = np.ascontiguousarray(frames[first : first + cameras, start : start + steps])
                probabilities, own, others = self._run_once(part, own, outputs)
                parts.append((probabilities, *others))
            found.append([np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True)])
            states.append(own)
        rows, *others_of_all = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        joined = {name: np.concatenate([own[name] for own in states]) for name in state}
        return rows, joined, tuple(others_of_all)

    def _run_once(
        self, frames: NDArray[np.uint8], state: State, outputs: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
        try:
            values = self._session.run([*self._output_names, *outputs], {FRAMES: frames, **state}, self._run_options)
        except runtime_errors() as error:
            raise ModelError(
                f"{self.path} failed on frames {list(frames.shape)} ({first_line(error)}); "
                "check free memory and the device, or export the model again"
            ) from error
        probabilities = self._checked(cast(NDArray[np.float32], values[0]))
        states = len(self._output_names)
        return probabilities, dict(zip(self.spec.state_names, values[1:states], strict=True)), tuple(values[states:])

    def _checked(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities without what rounding has put outside 0 to 1."""
        # Not .min() and .max(), which go through Python and take twice as long.
        low = np.minimum.reduce(probabilities, axis=None, initial=1.0)
        high = np.maximum.reduce(probabilities, axis=None, initial=0.0)
        if low >= 0 and high <= 1:
            return probabilities
        if low >= -_ROUNDING and high <= 1 + _ROUNDING:
            return np.clip(probabilities, 0, 1)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ModelError(f"{self.path} gave probabilities that are no numbers; train or export it again")
        raise ModelError(
            f"{self.path} gave probabilities from {low:g} to {high:g}, and they lie in 0 to 1; train or export it again"
        )

    def _run_interruptibly(
        self, frames: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        self._run_options = options = make_run_options()
        try:
            return call_interruptibly(
                partial(self.run, frames, self.zero_state()), cancel=partial(setattr, options, "terminate", True)
            )
        finally:
            self._run_options = None

    def _warm_up(self) -> None:
        # The first run allocates and picks kernels; it also finds models that load but cannot run.
        blank = np.zeros((1, 1, self.spec.height, self.spec.width, 3), np.uint8)
        try:
            probabilities, next_state = self._run_interruptibly(blank)
        except ModelError as error:
            reason = first_line(error.__cause__ or error)
            raise SignatureError(f"{self.path} does not run on one blank frame ({reason}); export it again") from error
        expected = (1, 1, len(self.spec.labels))
        if probabilities.shape != expected:
            raise SignatureError(
                f"{self.path}: probabilities are {list(probabilities.shape)} for one frame; "
                f"its {expected[2]} labels ask for {list(expected)}; export it again"
            )
        for name, shape in self._state_shapes.items():
            if next_state[name].shape != (1, *shape):
                raise SignatureError(
                    f"{self.path}: {NEXT_PREFIX}{name} is {list(next_state[name].shape)}, but the input {name} takes "
                    f"{[1, *shape]}; export it again"
                )


class GraphRun:
    """A model file as a bare graph: it asks nothing of the file but inputs and outputs, and takes any provider.

    Attributes:
        path: Path of the model file.
        provider: The execution provider that the graph really runs on.
        states: Names of the inputs that are state, in the graph's order.
        outputs: Names of the outputs, in the graph's order.
        one_camera: Whether the graph takes one camera only.
        one_step: Whether the graph takes one frame at a time only.
        frame_shape: height, width, 3.
    """

    def __init__(self, path: Path, *, provider: str = CPU) -> None:
        """Open a model file.

        Args:
            path: The model.
            provider: An execution provider of ONNX Runtime.

        Raises:
            ProviderError: This ONNX Runtime has no such provider, or the provider does not start.
            ModelError: The model cannot be opened, or its outputs do not match its states.
        """
        available = available_providers()
        if provider not in available:
            raise ProviderError(f"no provider {provider!r} here; this ONNX Runtime has {', '.join(available)}")
        # On one thread, which gives the same last digits each time.
        self._session = open_runtime_session(path, provider=provider)
        self.path, self.provider = path, self._session.get_providers()[0]
        if self.provider != provider:
            raise ProviderError(f"{provider} did not start, so {path} would run on {self.provider}; check its driver")
        stamped_texts(self._session, path)
        shapes = {item.name: list(item.shape) for item in self._session.get_inputs()}
        self.states = tuple(name for name in shapes if name != FRAMES)
        self.outputs = tuple(item.name for item in self._session.get_outputs())
        contract = {PROBABILITIES, *(NEXT_PREFIX + name for name in self.states)}
        if FRAMES not in shapes or not contract <= set(self.outputs) <= {*contract, KEYPOINTS}:
            raise ModelError(
                f"{path}: inputs {', '.join(shapes)} and outputs {', '.join(self.outputs)} are not the contract's; "
                "use a file written by `framestream export`"
            )
        self.one_camera, self.one_step = (isinstance(size, int) for size in shapes[FRAMES][:2])
        self.frame_shape = tuple(shapes[FRAMES][2:])
        self._state_shapes = {name: shapes[name][1:] for name in self.states}

    def zero_state(self, cameras: int) -> dict[str, NDArray[np.float32]]:
        """Return what starts a stream."""
        return {name: np.zeros((cameras, *shape), np.float32) for name, shape in self._state_shapes.items()}

    def run(self, inputs: Tensors) -> dict[str, NDArray[Any]]:
        """Run the graph once.

        Raises:
            ModelError: ONNX Runtime refuses the tensors, or fails.
        """
        try:
            values = self._session.run(list(self.outputs), dict(inputs))
        except runtime_errors() as error:
            raise ModelError(f"{self.path} failed ({first_line(error)})") from error
        return dict(zip(self.outputs, values, strict=True))

    def next_state(self, outputs: Tensors) -> dict[str, NDArray[Any]]:
        """Return the state to feed next, out of what a run gave: `next_x` goes in as `x`."""
        return {name: outputs[NEXT_PREFIX + name] for name in self.states}


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelNotFoundError(f"{path}: no such model file; check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"{path} cannot be opened ({reason}); check the path and its permissions") from error
    if not is_utf8(path):
        # ONNX Runtime takes no other names.
        raise ModelError(f"{path}: its name is not UTF-8; rename it")
    if stat.S_ISDIR(status.st_mode):
        raise ModelError(f"{path} is a directory; give an .onnx file")
    if status.st_size == 0:
        raise ModelError(f"{path} is empty; export or download the model again")


def _wanted_provider(device: Device) -> str:
    available = available_providers()
    if device == "cuda" and CUDA not in available:
        raise ProviderError(
            f"device cuda: this ONNX Runtime has only {', '.join(available)}; run: pip uninstall onnxruntime && "
            'pip install "framestream[gpu]", or use --device cpu'
        )
    return CPU if device == "cpu" or CUDA not in available else CUDA
