"""Hand-off folders to replay, made in a second by what `framestream export --handoff` uses; and lies told in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from framestream.model.session import GraphRun, ModelSession
from framestream.model.spec import JOINTS, KEY_PREFIX, KEYPOINTS, ModelSpec
from framestream.sampling.resize import fit_frame
from framestream_export.exporting.parity import onnx_rows
from framestream_export.handoff.folder_layout import PICTURES_FOLDER, SUMS_FILE
from framestream_export.handoff.inspection import sums_of
from framestream_export.verification.pictures import write_pictures
from framestream_export.verification.tensor_files import DataSet, read_data_sets, write_data_set
from framestream_export.verification.vectors import choose_sequences, write_vectors
from tests.consumers.comparison import DEFAULT_MODEL, ROOT
from tests.consumers.triton_models import write_lstm_model

CLIPS = sorted((ROOT / "samples" / "clips").glob("*/*.webm"))
LIMIT, ELSEWHERE_LIMIT = 1e-4, 5e-3
VARIANT = "float32"


def write_default(folder: Path) -> Path:
    """A window model: the default one, on pictures of the sample clips."""
    return _write_folder(folder, DEFAULT_MODEL.read_bytes(), _clip_frames)


def write_lstm(folder: Path) -> Path:
    """A model with two states of one shape, which are easily mixed up."""
    folder.mkdir(parents=True)
    write_lstm_model(folder / "lstm.onnx")
    return _write_folder(folder, (folder / "lstm.onnx").read_bytes(), _noise)


def write_keypoints(folder: Path) -> Path:
    """The default model with an output of joints, all of them as bright as the frame."""
    graph = (model := onnx.load(str(DEFAULT_MODEL))).graph
    shape = numpy_helper.from_array(np.array([1, 1, JOINTS, 3], np.int64), "joints_shape")
    graph.initializer.extend([shape, numpy_helper.from_array(np.array([4], np.int64), "colour_axis")])
    graph.node.extend(
        [
            helper.make_node("Cast", ["frames"], ["levels"], to=onnx.TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["levels"], ["brightness"], axes=[2, 3, 4]),
            helper.make_node("Squeeze", ["brightness", "colour_axis"], ["place"]),
            helper.make_node("Expand", ["place", "joints_shape"], [KEYPOINTS]),
        ]
    )
    axes = ["cameras", "steps", JOINTS, 3]
    graph.output.append(helper.make_tensor_value_info(KEYPOINTS, onnx.TensorProto.FLOAT, axes))
    model.metadata_props.add(key=f"{KEY_PREFIX}outputs", value=KEYPOINTS)
    return _write_folder(folder, model.SerializeToString(), _clip_frames)


def write_int8_lstm(folder: Path) -> Path:
    """The same as the int8 variant has it: weights of the LSTM stored as int8, what goes into it quantized."""
    folder.mkdir(parents=True)
    write_lstm_model(folder / "lstm.onnx")
    graph = (model := onnx.load(str(folder / "lstm.onnx"))).graph
    for name in ("W", "R"):
        tensor = next(item for item in graph.initializer if item.name == name)
        values = numpy_helper.to_array(tensor)
        scale = (np.abs(values).max(axis=(0, 2)) / 127).astype(np.float32)
        parts = {"numbers": np.rint(values / scale[None, :, None]).astype(np.int8), "scale": scale}
        parts["zero"] = np.zeros(len(scale), np.int8)
        graph.initializer.remove(tensor)
        graph.initializer.extend(numpy_helper.from_array(value, f"{name}/{part}") for part, value in parts.items())
        graph.node.insert(0, helper.make_node("DequantizeLinear", [f"{name}/{part}" for part in parts], [name], axis=1))
    steps = {"step": np.array(1 / 255, np.float32), "nothing": np.array(0, np.uint8)}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in steps.items())
    by_time = next(node for node in graph.node if node.op_type == "Transpose")
    at = list(graph.node).index(by_time)
    graph.node.insert(at, helper.make_node("DequantizeLinear", ["quantized", *steps], ["rounded"]))
    graph.node.insert(at, helper.make_node("QuantizeLinear", ["colours", *steps], ["quantized"]))
    by_time.input[0] = "rounded"
    return _write_folder(folder, model.SerializeToString(), _noise)


def _write_folder(folder: Path, model: bytes, make_frames: Callable[[ModelSpec], NDArray[np.uint8]]) -> Path:
    own = folder / VARIANT
    own.mkdir(parents=True)
    path = own / "model.onnx"
    path.write_bytes(model)
    session = ModelSession(path, device="cpu", threads=1)
    frames = make_frames(session.spec)
    path.with_suffix(".json").write_text(json.dumps(session.metadata), encoding="utf-8")
    chosen = choose_sequences(onnx_rows(session, frames), frames, window=session.spec.window)
    limits = {"limit": LIMIT, "elsewhere_limit": ELSEWHERE_LIMIT}
    write_vectors(GraphRun(path), session.spec, chosen, own, digest="sha256:0", **limits)
    write_pictures(session.spec, folder / PICTURES_FOLDER)
    list_files(folder)
    return folder


def list_files(folder: Path) -> None:
    """Write SHA256SUMS, which says what files there are."""
    sums = "".join(f"{digest}  {path}\n" for path, digest in sums_of(folder).items())
    (folder / SUMS_FILE).write_text(sums, encoding="utf-8")


def _clip_frames(spec: ModelSpec) -> NDArray[np.uint8]:
    """Every second picture of each clip, 26 of each: uint8 [clips, 26, height, width, 3]."""
    clips = []
    for path in CLIPS:
        capture, frames = cv2.VideoCapture(str(path)), []
        while len(frames) < 26 and capture.grab():
            if capture.grab():
                frames.append(fit_frame(capture.retrieve()[1], size_wh=spec.size_wh))
        if len(frames) == 26:
            clips.append(np.stack(frames))
    assert len(clips) >= 3
    return np.stack(clips)


def _noise(spec: ModelSpec) -> NDArray[np.uint8]:
    """Frames of one colour each, another one every time."""
    colours = np.random.default_rng(5).integers(0, 256, (3, 30, 1, 1, 3), dtype=np.uint8)
    return np.broadcast_to(colours, (3, 30, spec.height, spec.width, 3))


def swap_states(folder: Path) -> None:
    """The model gives its cell as `next_hidden`, and the other way round; what it should give is as before."""
    path = folder / VARIANT / "model.onnx"
    model = onnx.load(str(path))
    swapped = {"next_hidden": "next_cell", "next_cell": "next_hidden"}
    for node in model.graph.node:
        node.output[:] = [swapped.get(name, name) for name in node.output]
    onnx.save(model, str(path))


def change_probability(folder: Path) -> None:
    """In the sixth set of a stream a probability is another by a hundredth: too little to change the decision."""
    own = folder / VARIANT
    data = next(data for data in read_data_sets(own) if data.number == 5)
    outputs = {name: values.copy() for name, values in data.outputs.items()}
    outputs["probabilities"][0, 0, 0] += 0.01
    _rewrite(own, DataSet(5, data.inputs, outputs))


def change_picture(folder: Path) -> None:
    """Change a byte of a fitted picture by three: that is by two at least for a program that is itself off by one."""
    own = folder / PICTURES_FOLDER
    data = next(data for data in read_data_sets(own) if data.number == 2)
    fitted = data.outputs["frame"].copy()
    fitted[1, 1, 1] += 3 if fitted[1, 1, 1] < 128 else -3
    _rewrite(own, DataSet(2, data.inputs, {"frame": fitted}))


def _rewrite(folder: Path, data: DataSet) -> None:
    shutil.rmtree(folder / data.name)
    write_data_set(folder, data)
