"""The LSTM's steps written out, for accelerators that have no LSTM operator."""

from __future__ import annotations

import numpy as np

from framestream_export.graph_parts import Graph, HeadWeights


def add_unrolled_lstm(
    graph: Graph, head: HeadWeights, sequences: str, *, steps: int, state: tuple[str, str] | None = None
) -> None:
    """Append the LSTM as MatMul, Sigmoid and Tanh; its last hidden and cell state are `lstm_hidden` and `lstm_cell`.

    The four gates are one product; three of them share a Sigmoid, so they come first: input, forget, output, cell.

    Args:
        graph: What to append to.
        head: The weights.
        sequences: float32 [steps, N, D].
        steps: How many.
        state: Hidden and cell state to start from, each float32 [1, N, U]; None for zeros.
    """
    units = head.units
    order = np.concatenate([np.arange(units) + gate * units for gate in (0, 1, 3, 2)])
    graph.constant("lstm/kernel", head.kernel[:, order], np.float32)
    graph.constant("lstm/recurrent", head.recurrent[:, order], np.float32)
    graph.constant("lstm/bias", head.bias[order], np.float32)
    graph.constant("lstm/gate_sizes", [3 * units, units])
    graph.constant("lstm/sigmoid_sizes", [units] * 3)
    graph.add("MatMul", [sequences, "lstm/kernel"], "lstm/weighted")
    graph.add("Add", ["lstm/weighted", "lstm/bias"], "lstm/input_gates")
    parts = [f"lstm/{step}/input_gates" for step in range(steps)]
    if steps == 1:
        parts = ["lstm/input_gates"]
    else:
        graph.add("Split", ["lstm/input_gates", graph.constant("lstm/step_sizes", [1] * steps)], *parts, axis=0)
    for step, part in enumerate(parts):
        name = f"lstm/{step}"
        last = step == steps - 1
        outputs = ("lstm_hidden", "lstm_cell") if last else (f"{name}/hidden", f"{name}/cell")
        state = _add_step(graph, part, state, outputs, name=name)


def _add_step(
    graph: Graph, gates: str, state: tuple[str, str] | None, outputs: tuple[str, str], *, name: str
) -> tuple[str, str]:
    if state is not None:
        graph.add("MatMul", [state[0], "lstm/recurrent"], f"{name}/recurrent")
        gates = graph.add("Add", [gates, f"{name}/recurrent"], f"{name}/gates")
    graph.add("Split", [gates, "lstm/gate_sizes"], f"{name}/open", f"{name}/new", axis=-1)
    graph.add("Sigmoid", [f"{name}/open"], f"{name}/opened")
    ways = [f"{name}/{gate}" for gate in ("input", "forget", "output")]
    graph.add("Split", [f"{name}/opened", "lstm/sigmoid_sizes"], *ways, axis=-1)
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
