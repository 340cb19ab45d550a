"""Which operators of a model take its time: ONNX Runtime's own profile, read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from framestream.model.session import ModelSession, import_runtime
from framestream.model.spec import FRAMES

_RUNS = 20
_WARM_UP = 3


def operator_milliseconds(session: ModelSession, frames: NDArray[np.uint8]) -> Mapping[str, float]:
    """Return by operator how many milliseconds of a run it takes, the dearest first.

    Operators are those that really run, after ONNX Runtime has fused what it can.

    Args:
        session: the model, and the provider and threads to run it with.
        frames: what each run is given, ``[cameras, steps, height, width, 3]``.
    """
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = session.threads
    options.log_severity_level = 4
    # As in a session of ours.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_profiling = True
    with TemporaryDirectory(prefix="framestream-bench-") as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        profiled = runtime.InferenceSession(str(session.path), options, providers=[session.provider])
        inputs = {FRAMES: frames, **session.zero_state(len(frames))}
        for _ in range(_WARM_UP + _RUNS):
            profiled.run(None, inputs)
        entries = json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8"))
    runs = [entry["ts"] for entry in entries if entry.get("name") == "model_run"][_WARM_UP:]
    sums: Counter[str] = Counter()
    for entry in entries:
        name = str(entry.get("name", ""))
        if entry.get("cat") == "Node" and name.endswith("_kernel_time") and entry["ts"] >= runs[0]:
            sums[entry["args"]["op_name"]] += entry["dur"]
    return {name: microseconds / 1000 / len(runs) for name, microseconds in sums.most_common()}
