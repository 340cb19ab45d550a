"""Which nodes of a model run, where, and how long: ONNX Runtime's own profile, read."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from framestream.model.onnx_runtime import CPU, open_runtime_session
from framestream.model.session import ModelSession, Tensors
from framestream.model.spec import FRAMES

_RUNS = 20
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class NodeRun:
    """A node that ran, once, after ONNX Runtime has fused and inserted what it wanted.

    Attributes:
        operator: Type of the node, for example "Conv".
        provider: The execution provider that the node ran on.
        microseconds: How long the node took.
    """

    operator: str
    provider: str
    microseconds: int


def profile(
    path: Path, inputs: Tensors, *, provider: str = CPU, threads: int = 1, runs: int = 1
) -> Sequence[Sequence[NodeRun]]:
    """Run a model and return the nodes of each run, in their order.

    Measuring takes time by itself, five to ten microseconds a node.

    Args:
        path: Path of the model.
        inputs: The inputs of each run, by name.
        provider: Execution provider to run on.
        threads: CPU threads of a run.
        runs: Number of runs.

    Raises:
        ModelError: The model cannot be opened.
    """
    with TemporaryDirectory(prefix="framestream-bench-") as folder:
        session = open_runtime_session(path, provider=provider, threads=threads, profile=Path(folder) / "profile")
        for _ in range(runs):
            session.run(None, dict(inputs))
        entries = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    starts = sorted(entry["ts"] for entry in entries if entry.get("name") == "model_run")
    nodes: list[list[NodeRun]] = [[] for _ in starts]
    for entry in entries:
        if entry.get("cat") == "Node" and str(entry.get("name", "")).endswith("_kernel_time"):
            facts = entry["args"]
            run = bisect_right(starts, entry["ts"]) - 1
            nodes[run].append(NodeRun(facts["op_name"], facts["provider"], entry["dur"]))
    return nodes


def operator_milliseconds(session: ModelSession, frames: NDArray[np.uint8]) -> Mapping[str, float]:
    """Return by operator how many milliseconds of a run it takes, the dearest first.

    Args:
        session: The model, and the provider and threads to run it with.
        frames: The frames of each run, `[cameras, steps, height, width, 3]`.
    """
    inputs: Tensors = {FRAMES: frames, **session.zero_state(len(frames))}
    runs = profile(session.path, inputs, provider=session.provider, threads=session.threads, runs=_WARM_UP + _RUNS)[
        _WARM_UP:
    ]
    sums: Counter[str] = Counter()
    for node in (node for run in runs for node in run):
        sums[node.operator] += node.microseconds
    return {name: microseconds / 1000 / len(runs) for name, microseconds in sums.most_common()}
