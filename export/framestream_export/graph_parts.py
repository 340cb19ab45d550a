"""What the streaming graph is made of: nodes and constants as they are added, and the recurrent head's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """The recurrent head as arrays, in Keras's layout: gates in the order input, forget, cell, output.

    Attributes:
        kernel: [D, 4U].
        recurrent: [U, 4U].
        bias: [4U].
        dense_kernel: [U, K].
        dense_bias: [K].
    """

    kernel: NDArray[np.float32]
    recurrent: NDArray[np.float32]
    bias: NDArray[np.float32]
    dense_kernel: NDArray[np.float32]
    dense_bias: NDArray[np.float32]

    @classmethod
    def of(cls, head: Any) -> HeadWeights:
        """Take them from a Keras head made by `model.SequenceModel`."""
        cell, dense = head.get_layer("lstm").cell, head.get_layer("logits")
        parts = (cell.kernel, cell.recurrent_kernel, cell.bias, dense.kernel, dense.bias)
        return cls(*(np.asarray(part, dtype=np.float32) for part in parts))

    @property
    def units(self) -> int:
        """U."""
        return int(self.recurrent.shape[0])

    @property
    def feature_dim(self) -> int:
        """D."""
        return int(self.kernel.shape[0])

    @property
    def classes(self) -> int:
        """K."""
        return int(self.dense_kernel.shape[1])

    def onnx_lstm(self) -> dict[str, NDArray[np.float32]]:
        """The operator's inputs: W [1,4U,D], R [1,4U,U], B [1,8U], gates in the order input, output, forget, cell."""
        order = np.concatenate([np.arange(self.units) + gate * self.units for gate in (0, 3, 1, 2)])
        bias = np.concatenate([self.bias[order], np.zeros_like(self.bias)])  # Keras has no recurrent bias
        return {"W": self.kernel.T[None, order], "R": self.recurrent.T[None, order], "B": bias[None]}


@dataclass(slots=True)
class Graph:
    """Nodes and constants as they are added."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, op: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Append a node named after its first output, which is returned."""
        name = next(output for output in outputs if output)
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))
        return name

    def constant(self, name: str, value: Any, dtype: Any = np.int64) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name))
        return name
