"""Facts about the machine that a bench ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import cv2

from framestream.cores import usable_cores
from framestream.model.onnx_runtime import runtime_version
from framestream.model.session import ModelSession

_PROCESSOR_FACTS = Path("/proc/cpuinfo")
# Instructions that add four products of 8 bits to a sum of 32: Intel's and AMD's, and ARM's.
_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


def machine_facts(session: ModelSession, load_before: float | None) -> dict[str, Any]:
    """Return what a report says of machine and session; `load_before` is the load average when it began."""
    return {
        "system": platform.platform(terse=True),
        "processor": processor_name(),
        "cores": usable_cores(),
        "load_average_before": load_before,
        "load_average_after": load_average(),
        "provider": session.provider,
        "threads": session.threads,
        "onnxruntime": runtime_version(),
        "opencv": cv2.__version__,
        "python": platform.python_version(),
    }


def processor_name() -> str:
    """Return the name of the processor."""
    return _processor_fact("model name") or platform.processor() or platform.machine()


def has_dot_products() -> bool:
    """Whether the processor has the instructions that whole-number models gain from; False where it does not say."""
    return bool(_DOT_PRODUCTS & set((_processor_fact("flags") or _processor_fact("Features")).split()))


def _processor_fact(name: str) -> str:
    if _PROCESSOR_FACTS.is_file():
        for line in _PROCESSOR_FACTS.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    return ""


def load_average() -> float | None:
    """Return how many processes wanted to run in the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
