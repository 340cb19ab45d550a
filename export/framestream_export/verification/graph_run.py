"""A model file as a bare graph, on any execution provider: tensors by name in, tensors by name out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framestream.errors import ModelError, ProviderError
from framestream.model.session import NEXT_PREFIX, PROBABILITIES, import_runtime, open_graph, runtime_errors
from framestream.model.spec import FRAMES

Tensors: TypeAlias = Mapping[str, NDArray[Any]]

CPU = "CPUExecutionProvider"


class GraphRun:
    """An opened graph. Unlike ModelSession it asks nothing of the file but inputs and outputs, and takes any provider.

    Attributes:
        path: The file.
        metadata: The strings in it.
        provider: What it really runs on.
        states: Names of the inputs that are state, in the graph's order.
        outputs: Names of the outputs, in the graph's order.
        fixed_cameras: Whether it takes one camera only.
        fixed_steps: Whether it takes one frame at a time only.
        frame_shape: Height, width, 3.
    """

    def __init__(self, path: Path, *, provider: str = CPU, threads: int = 1) -> None:
        """Open a file.

        Args:
            path: The model.
            provider: An execution provider of ONNX Runtime.
            threads: CPU threads of a run; one gives the same last digits each time.

        Raises:
            ProviderError: This ONNX Runtime has no such provider, or it does not start.
            ModelError: It cannot be opened, or its outputs are not those of its states.
        """
        runtime = import_runtime()
        available = runtime.get_available_providers()
        if provider not in available:
            raise ProviderError(f"no provider {provider!r} here; this ONNX Runtime has {', '.join(available)}")
        self._session = open_graph(runtime, path, list(dict.fromkeys([provider, CPU])), threads)
        self.path, self.provider = path, self._session.get_providers()[0]
        if self.provider != provider:
            raise ProviderError(f"{provider} did not start, so {path} would run on {self.provider}; check its driver")
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        shapes = {item.name: list(item.shape) for item in self._session.get_inputs()}
        self.states = tuple(name for name in shapes if name != FRAMES)
        self.outputs = tuple(item.name for item in self._session.get_outputs())
        if FRAMES not in shapes or set(self.outputs) != {PROBABILITIES, *(NEXT_PREFIX + name for name in self.states)}:
            raise ModelError(
                f"{path}: inputs {', '.join(shapes)} and outputs {', '.join(self.outputs)} are not the contract's; "
                "use a file written by `framestream export`"
            )
        self.fixed_cameras, self.fixed_steps = (isinstance(size, int) for size in shapes[FRAMES][:2])
        self.frame_shape = tuple(shapes[FRAMES][2:])
        self._state_shapes = {name: shapes[name][1:] for name in self.states}

    @staticmethod
    def runtime_name() -> str:
        """Name and version of what runs graphs."""
        return f"ONNX Runtime {import_runtime().__version__}"

    def zero_state(self, cameras: int) -> dict[str, NDArray[np.float32]]:
        """What starts a stream."""
        return {name: np.zeros((cameras, *shape), np.float32) for name, shape in self._state_shapes.items()}

    def run(self, inputs: Tensors) -> dict[str, NDArray[Any]]:
        """Run once.

        Raises:
            ModelError: ONNX Runtime refuses the tensors, or fails.
        """
        try:
            values = self._session.run(list(self.outputs), dict(inputs))
        except runtime_errors() as error:
            raise ModelError(f"{self.path} failed ({str(error).splitlines()[0]})") from error
        return dict(zip(self.outputs, values, strict=True))

    def next_state(self, outputs: Tensors) -> dict[str, NDArray[Any]]:
        """The state to feed next, out of what a run gave: `next_x` goes in as `x`."""
        return {name: outputs[NEXT_PREFIX + name] for name in self.states}
