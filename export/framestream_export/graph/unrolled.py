"""The LSTM's steps written out, for accelerators that have no LSTM operator."""

from __future__ import annotations

import numpy as np

from framestream_export.graph.parts import Graph, LstmWeights


def add_unrolled_lstm(
    graph: Graph,
    weights: LstmWeights,
    sequences: str,
    *,
    steps: int,
    state: tuple[str, str] | None = None,
    name: str = "lstm",
    backwards: bool = False,
) -> str:
    """Append the LSTM as MatMul, Sigmoid and Tanh; its last hidden and cell state are `NAME_hidden` and `NAME_cell`.

    The four gates are one product; three of them share a Sigmoid, so they come first: input, forget, output, cell.

    Args:
        graph: The graph to append to.
        weights: The weights of this direction.
        sequences: float32 [steps, N, D].
        steps: Number of steps to write out.
        state: Hidden and cell state to start from, each float32 [1, N, U]; None for zeros.
        name: Prefix of the names of nodes and constants.
        backwards: Whether the LSTM reads the last step first.

    Returns:
        The name of its last hidden state, float32 [1, N, U].
    """
    units = weights.units
    order = np.concatenate([np.arange(units) + gate * units for gate in (0, 1, 3, 2)])
    graph.constant(f"{name}/kernel", weights.kernel[:, order], np.float32)
    graph.constant(f"{name}/recurrent", weights.recurrent[:, order], np.float32)
    graph.constant(f"{name}/bias", weights.bias[order], np.float32)
    graph.constant(f"{name}/gate_sizes", [3 * units, units])
    graph.constant(f"{name}/sigmoid_sizes", [units] * 3)
    graph.add("MatMul", [sequences, f"{name}/kernel"], f"{name}/weighted")
    graph.add("Add", [f"{name}/weighted", f"{name}/bias"], f"{name}/input_gates")
    parts = [f"{name}/{step}/input_gates" for step in range(steps)]
    if steps == 1:
        parts = [f"{name}/input_gates"]
    else:
        graph.add("Split", [f"{name}/input_gates", graph.constant(f"{name}/step_sizes", [1] * steps)], *parts, axis=0)
    for step, part in enumerate(reversed(parts) if backwards else parts):
        prefix = f"{name}_" if step == steps - 1 else f"{name}/{step}/"
        state = _add_step(graph, part, state, (f"{prefix}hidden", f"{prefix}cell"), lstm=name, name=f"{name}/{step}")
    return f"{name}_hidden"


def _add_step(
    graph: Graph, gates: str, state: tuple[str, str] | None, outputs: tuple[str, str], *, lstm: str, name: str
) -> tuple[str, str]:
    if state is not None:
        graph.add("MatMul", [state[0], f"{lstm}/recurrent"], f"{name}/recurrent")
        gates = graph.add("Add", [gates, f"{name}/recurrent"], f"{name}/gates")
    graph.add("Split", [gates, f"{lstm}/gate_sizes"], f"{name}/open", f"{name}/new", axis=-1)
    graph.add("Sigmoid", [f"{name}/open"], f"{name}/opened")
    ways = [f"{name}/{gate}" for gate in ("input", "forget", "output")]
    graph.add("Split", [f"{name}/opened", f"{lstm}/sigmoid_sizes"], *ways, axis=-1)
    graph.add("Tanh", [f"{name}/new"], f"{name}/candidate")
    hidden, cell = outputs
    if state is None:  # nothing to forget
        graph.add("Mul", [ways[0], f"{name}/candidate"], cell)
    else:
        graph.add("Mul", [ways[0], f"{name}/candidate"], f"{name}/added")
        graph.add("Mul", [ways[1], state[1]], f"{name}/kept")
        graph.add("Add", [f"{name}/added", f"{name}/kept"], cell)
    graph.add("Tanh", [cell], f"{name}/squashed")
    graph.add("Mul", [ways[2], f"{name}/squashed"], hidden)
    return outputs
