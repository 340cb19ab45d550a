"""What the streaming graph is made of: nodes and constants as they are added, and a head's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from framestream.errors import ModelError


@dataclass(frozen=True, slots=True)
class LstmWeights:
    """An LSTM in one direction, in Keras's layout: gates in the order input, forget, cell, output.

    Attributes:
        kernel: [D, 4U].
        recurrent: [U, 4U].
        bias: [4U].
    """

    kernel: NDArray[np.float32]
    recurrent: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def of(cls, layer: Any) -> LstmWeights:
        """Take the weights from a Keras LSTM layer."""
        cell = layer.cell
        return cls(*(np.asarray(part, np.float32) for part in (cell.kernel, cell.recurrent_kernel, cell.bias)))

    @property
    def units(self) -> int:
        """Number of units, U."""
        return int(self.recurrent.shape[0])


@dataclass(frozen=True, slots=True)
class HeadWeights:
    """The weights of a head as arrays.

    Attributes:
        lstms: Weights of one LSTM; of two, forwards and backwards; or of none, where the head is the mean over
            the window.
        feature_dim: Features per frame, D.
        dense_kernel: [U, K], [2U, K] or [D, K].
        dense_bias: [K].
        centred: Whether the LSTM sees each feature's difference from its mean over the window, too: its kernel is
            [2D, 4U] then.
    """

    lstms: tuple[LstmWeights, ...]
    feature_dim: int
    dense_kernel: NDArray[np.float32]
    dense_bias: NDArray[np.float32]
    centred: bool = False

    @classmethod
    def of(cls, head: Any) -> HeadWeights:
        """Take the weights from a Keras head made by `training.network.heads.build_head`.

        Raises:
            ModelError: The head is none that `build_head` makes.
        """
        layers = {layer.name: layer for layer in head.layers}
        if "logits" not in layers or not layers.keys() & {"lstm", "bidirectional", "mean"}:
            raise ModelError(f"the head has layers {', '.join(layers)}: not one that `framestream train` made")
        dense = layers["logits"]
        directions = [layers[name] for name in ("lstm",) if name in layers]
        if "bidirectional" in layers:
            directions = [layers["bidirectional"].forward_layer, layers["bidirectional"].backward_layer]
        kernel, bias = (np.asarray(part, dtype=np.float32) for part in (dense.kernel, dense.bias))
        lstms = tuple(map(LstmWeights.of, directions))
        return cls(lstms, int(head.input_shape[-1]), kernel, bias, centred="from_mean" in layers)

    @property
    def units(self) -> int:
        """Number of LSTM units, U; 0 without an LSTM."""
        return self.lstms[0].units if self.lstms else 0

    @property
    def classes(self) -> int:
        """Number of classes, K."""
        return int(self.dense_kernel.shape[1])

    @property
    def macs_per_step(self) -> int:
        """Multiply-adds for one frame of a sequence."""
        seen = 2 * self.feature_dim if self.centred else self.feature_dim
        return sum(4 * lstm.units * (seen + lstm.units) for lstm in self.lstms)

    def onnx_lstm(self) -> dict[str, NDArray[np.float32]]:
        """The operator's inputs, one direction after the other.

        W [directions,4U,D], R [directions,4U,U], B [directions,8U], gates in the order input, output, forget, cell.
        """
        order = np.concatenate([np.arange(self.units) + gate * self.units for gate in (0, 3, 1, 2)])
        return {
            "W": np.stack([lstm.kernel.T[order] for lstm in self.lstms]),
            "R": np.stack([lstm.recurrent.T[order] for lstm in self.lstms]),
            # Keras has no recurrent bias.
            "B": np.stack([np.concatenate([lstm.bias[order], np.zeros_like(lstm.bias)]) for lstm in self.lstms]),
        }


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
