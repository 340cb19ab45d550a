"""ONNX Runtime's own format, which its small builds for phones and boards read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from onnx import helper


def ort_bytes(model: Any, metadata: Mapping[str, str]) -> bytes:
    """An onnx.ModelProto as an .ort file that says the same about itself.

    Only optimizations that every processor understands are baked in; the rest is left to where it runs. ONNX Runtime
    writes its tables in an order that changes from time to time, so that the bytes do, and the answers do not.
    """
    helper.set_model_props(model, dict(metadata))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    options.add_session_config_entry("session.save_model_format", "ORT")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ort"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(deterministic=True), options, providers=["CPUExecutionProvider"]
        )
        return path.read_bytes()
