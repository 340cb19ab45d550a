"""What Triton has to know about an exported model, read from the file itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from framestream.errors import ModelError
from framestream.model.session import NEXT_PREFIX, PROBABILITIES, ModelSession
from framestream.model.spec import FRAMES, ModelSpec

_DATA_TYPES: dict[int, str] = {TensorProto.UINT8: "TYPE_UINT8", TensorProto.FLOAT: "TYPE_FP32"}
ANY = -1
"""The size that Triton's configuration gives to an axis of any size."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a model as Triton describes it.

    Attributes:
        name: Name of the tensor in the graph.
        data_type: Triton's name of the element type.
        dims: Sizes without the cameras axis, which is Triton's batch axis; `ANY` for steps.
    """

    name: str
    data_type: str
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A state: the input, and the output that is fed to it next time."""

    before: Tensor
    after: Tensor


@dataclass(frozen=True, slots=True)
class ServedModel:
    """An exported model as Triton sees it."""

    spec: ModelSpec
    frames: Tensor
    probabilities: Tensor
    states: tuple[State, ...]

    def __post_init__(self) -> None:
        """Raise ModelError for states that Triton would mix up."""
        # Triton pairs states by their rank among the sorted names of inputs and of outputs (triton-inference-server
        # issue 8586), whatever its configuration says.
        inputs = sorted(state.before.name for state in self.states)
        outputs = sorted(state.after.name for state in self.states)
        pairs = {state.before.name: state.after.name for state in self.states}
        if [pairs[name] for name in inputs] != outputs:
            raise ModelError(
                f"Triton would mix up the states {', '.join(inputs)}: sorted by name, their outputs come in another "
                f"order ({', '.join(outputs)}); rename them and export again"
            )

    @classmethod
    def read(cls, path: Path) -> ServedModel:
        """Read a file written by `framestream export`.

        Raises:
            ModelError: The file is no FrameStream model, or the number of its cameras or steps is fixed.
        """
        if path.suffix != ".onnx":
            raise ModelError(f"{path}: Triton's ONNX Runtime backend wants an .onnx file; export one")
        spec = ModelSession(path, device="cpu").spec
        graph = onnx.load(path, load_external_data=False).graph
        inputs = {item.name: item for item in graph.input}
        outputs = {item.name: item for item in graph.output}
        return cls(
            spec,
            _tensor(inputs[FRAMES], path, steps=True),
            _tensor(outputs[PROBABILITIES], path, steps=True),
            tuple(
                State(_tensor(inputs[name], path), _tensor(outputs[NEXT_PREFIX + name], path))
                for name in spec.state_names
            ),
        )


def _tensor(value: onnx.ValueInfoProto, path: Path, *, steps: bool = False) -> Tensor:
    """Describe a graph's input or output without its cameras axis, which must be free, as must be `steps`."""
    kind = value.type.tensor_type
    sizes = [axis.dim_value if axis.HasField("dim_value") else ANY for axis in kind.shape.dim]
    free = 2 if steps else 1
    if sizes[:free] != [ANY] * free or ANY in sizes[free:] or kind.elem_type not in _DATA_TYPES:
        raise ModelError(
            f"{path}: {value.name} is {TensorProto.DataType.Name(kind.elem_type)} {sizes}; Triton batches cameras, so "
            "it needs a model with free cameras and steps: export it without fixed shapes"
        )
    return Tensor(value.name, _DATA_TYPES[kind.elem_type], tuple(sizes[1:]))
