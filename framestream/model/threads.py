"""How many threads of the CPU a model gets."""

from __future__ import annotations

from collections.abc import Mapping

from framestream.cores import usable_cores
from framestream.model.spec import KEY_PREFIX

MAX_THREADS = 256
"""More than any one model gains from; ONNX Runtime would really start them, and may bring the machine down."""

_MAX_DEFAULT_THREADS = 4
# Waking threads for each operator takes as long as they save. Measured with 1 and 2 threads, milliseconds a frame that
# comes alone: 0.35 and 0.36 with 29 million multiply-adds, 1.04 and 1.09 with 63, 2.72 and 2.27 with 197; and the
# second thread took half as much processor time again, which decoding could have had.
_SMALL_MACS = 100_000_000


def default_threads(metadata: Mapping[str, str]) -> int:
    """Return how many threads a run of a model gets: one for a small one, else as many as there are cores, at most 4.

    Args:
        metadata: The strings in the model's file; `macs_per_frame` says how small the model is, and a model without it
            counts as not small.
    """
    macs = metadata.get(f"{KEY_PREFIX}macs_per_frame", "")
    if macs.isdecimal() and len(macs) <= len(str(_SMALL_MACS)) and int(macs) < _SMALL_MACS:
        return 1
    return min(_MAX_DEFAULT_THREADS, usable_cores())
