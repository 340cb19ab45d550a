"""What the tests for Triton serve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from framestream_export.triton.config import TritonSettings
from framestream_export.triton.repository import Repository, copied, write_repository
from tests.tiny_model import make_spec


def repository_of(model: Path, folder: Path, **serving: Any) -> Repository:
    return write_repository(folder, "model", copied(model), serving=TritonSettings(**serving))


def write_lstm_model(path: Path) -> None:
    """A model with two states, as stateful exports have: an LSTM over mean colours, its hidden values the logits."""
    rng = np.random.default_rng(3)
    spec, weight = replace(make_spec(kind="stateful"), state_names=("hidden", "cell")), rng.normal(0, 3, (1, 12, 3))
    constants = {
        "most": np.array(255, np.float32),
        "gain": np.array(4, np.float32),
        "W": weight.astype(np.float32),
        "R": rng.normal(0, 2, (1, 12, 3)).astype(np.float32),
        "first": np.array([0]),
        "second": np.array([1]),
    }
    nodes = [
        helper.make_node("Cast", ["frames"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["means", "most"], ["colours"]),
        helper.make_node("Transpose", ["colours"], ["by_time"], perm=[1, 0, 2]),
        *(helper.make_node("Unsqueeze", [name, "first"], [f"first_{name}"]) for name in spec.state_names),
        helper.make_node(
            "LSTM",
            ["by_time", "W", "R", "", "", "first_hidden", "first_cell"],
            ["each", "last_hidden", "last_cell"],
            hidden_size=3,
        ),
        *(helper.make_node("Squeeze", [f"last_{name}", "first"], [f"next_{name}"]) for name in spec.state_names),
        helper.make_node("Squeeze", ["each", "second"], ["rows_by_time"]),
        helper.make_node("Transpose", ["rows_by_time"], ["rows"], perm=[1, 0, 2]),
        helper.make_node("Mul", ["rows", "gain"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    tensor, states = helper.make_tensor_value_info, ("hidden", "cell")
    graph = helper.make_graph(
        nodes,
        "lstm",
        [
            tensor("frames", TensorProto.UINT8, ["cameras", "steps", spec.height, spec.width, 3]),
            *(tensor(name, TensorProto.FLOAT, ["cameras", 3]) for name in states),
        ],
        [
            tensor("probabilities", TensorProto.FLOAT, ["cameras", "steps", 3]),
            *(tensor(f"next_{name}", TensorProto.FLOAT, ["cameras", 3]) for name in states),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, spec.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
