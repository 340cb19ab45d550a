"""Which execution provider really runs the nodes of a graph: those it has no kernel for fall back to the CPU."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from framestream.model.session import import_runtime
from framestream.model.spec import FRAMES
from framestream_export.verification.graph_run import CPU, GraphRun


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where the nodes of a graph run, after ONNX Runtime has fused and inserted what it wanted.

    Attributes:
        provider: The provider that was asked for.
        nodes: Operators by the provider that runs them, each with how often; None where ONNX Runtime lacks `provider`.
    """

    provider: str
    nodes: Mapping[str, Mapping[str, int]] | None

    @classmethod
    def of(cls, path: Path, provider: str) -> Coverage:
        """Run a model once and look.

        Raises:
            ProviderError: The provider does not start.
            ModelError: The model cannot be opened; a node that has no kernel anywhere is one reason.
        """
        runtime = import_runtime()
        if provider not in runtime.get_available_providers():
            return cls(provider, None)
        graph = GraphRun(path, provider=provider)
        options = runtime.SessionOptions()
        options.enable_profiling = True
        options.log_severity_level = 4
        inputs = {FRAMES: np.zeros((1, 1, *graph.frame_shape), np.uint8), **graph.zero_state(1)}
        with TemporaryDirectory() as folder:
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = runtime.InferenceSession(str(path), options, providers=list(dict.fromkeys([provider, CPU])))
            session.run(None, inputs)
            entries = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes: dict[str, Counter[str]] = {}
        for entry in entries:
            if entry.get("cat") == "Node" and str(entry.get("name", "")).endswith("_kernel_time"):
                facts = entry["args"]
                nodes.setdefault(facts["provider"], Counter())[facts["op_name"]] += 1
        return cls(provider, nodes)

    @property
    def elsewhere(self) -> Mapping[str, int]:
        """Operators that another provider runs, the commonest first."""
        others = (counts for name, counts in (self.nodes or {}).items() if name != self.provider)
        return dict(sum((Counter(counts) for counts in others), Counter[str]()).most_common())

    @property
    def operators(self) -> Mapping[str, int]:
        """What ran, wherever; empty where nothing did."""
        return sum((Counter(counts) for counts in (self.nodes or {}).values()), Counter[str]())

    def __str__(self) -> str:
        """Say it in half a sentence."""
        if self.nodes is None:
            return f"not checked: this ONNX Runtime has no {self.provider}"
        count, away = sum(sum(counts.values()) for counts in self.nodes.values()), sum(self.elsewhere.values())
        if not away:
            return f"all {count} nodes run on {self.provider}"
        named = ", ".join(f"{name} {times}" for name, times in self.elsewhere.items())
        return f"{away} of {count} nodes fall back from {self.provider}: {named}"
