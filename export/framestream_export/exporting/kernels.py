"""Which execution provider really runs the nodes of a graph: those it has no kernel for fall back to the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framestream.bench.operators import profile
from framestream.model.onnx_runtime import available_providers
from framestream.model.session import GraphRun
from framestream.model.spec import FRAMES


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
        """Run a model once and record which provider ran each node.

        Raises:
            ProviderError: The provider does not start.
            ModelError: The model cannot be opened; a node that has no kernel anywhere is one reason.
        """
        if provider not in available_providers():
            return cls(provider, None)
        graph = GraphRun(path, provider=provider)
        inputs = {FRAMES: np.zeros((1, 1, *graph.frame_shape), np.uint8), **graph.zero_state(1)}
        (ran,) = profile(path, inputs, provider=provider)
        nodes: dict[str, Counter[str]] = {}
        for node in ran:
            nodes.setdefault(node.provider, Counter())[node.operator] += 1
        return cls(provider, nodes)

    @property
    def elsewhere(self) -> Mapping[str, int]:
        """Operators that another provider runs, the commonest first."""
        others = (counts for name, counts in (self.nodes or {}).items() if name != self.provider)
        return dict(sum((Counter(counts) for counts in others), Counter[str]()).most_common())

    @property
    def operators(self) -> Mapping[str, int]:
        """How often each operator ran, on any provider; empty where the model was not run."""
        return sum((Counter(counts) for counts in (self.nodes or {}).values()), Counter[str]())

    def __str__(self) -> str:
        """Describe where the nodes run in half a sentence."""
        if self.nodes is None:
            return f"not checked: this ONNX Runtime has no {self.provider}"
        count, away = sum(sum(counts.values()) for counts in self.nodes.values()), sum(self.elsewhere.values())
        if not away:
            return f"all {count} nodes run on {self.provider}"
        named = ", ".join(f"{name} {times}" for name, times in self.elsewhere.items())
        return f"{away} of {count} nodes fall back from {self.provider}: {named}"
