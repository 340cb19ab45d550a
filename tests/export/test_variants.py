"""Other ways to write one model down: what they keep, what they may lose, and that losing more is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from framestream import Classifier
from framestream.errors import MetadataError, ModelError, SettingsError
from framestream.records import Event
from framestream.session import ModelSession
from framestream_export.cli_variants import told
from framestream_export.convert import Exported, Exporter
from framestream_export.encoder_graph import convert_encoder
from framestream_export.finished_run import FinishedRun
from framestream_export.graph import Layout, streaming_model
from framestream_export.graph_parts import HeadWeights
from framestream_export.parity import onnx_rows
from framestream_export.training.model import SequenceModel
from framestream_export.training.settings import TrainSettings
from framestream_export.variants.calibration import Span, SpanFinder
from framestream_export.variants.figures import VARIANTS, VariantFigures, find_variant
from framestream_export.variants.gate import Gate, compare
from framestream_export.variants.int8 import quantize_encoder, store_lstm
from framestream_export.variants.rounding import InputMoments, round_rows
from framestream_export.variants.speed import Speed, compare_speed
from framestream_export.verify import verify
from tests.export.conftest import Cli, Trained


@pytest.fixture(scope="module")
def made(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """Every variant of a trained model."""
    folder = tmp_path_factory.mktemp("variants")
    exporter = Exporter(trained.run)
    return {name: exporter.write(folder / f"{name}{item.suffix}", name) for name, item in VARIANTS.items()}


def test_each_variant_keeps_its_promise(trained: Trained, made: dict[str, Exported]) -> None:
    record = json.loads((trained.run / "run.json").read_text())
    for name, exported in made.items():
        figures, limit = exported.figures, VARIANTS[name].parity_limit
        assert figures.variant == name
        assert limit is None or figures.parity <= limit, name
        failed = [check for check in verify(exported.path, run=trained.run) if not check.passed]
        assert failed == [], name
        if name == "float32":
            continue
        assert figures.answers == record["test"]["windows"]
        assert figures.accuracy is not None
        assert figures.drop is not None
        assert figures.flips is not None
        # float32, fed as in serving, is as good as training found Keras to be on windows cut out one by one.
        assert figures.accuracy + figures.drop == pytest.approx(record["test"]["accuracy"])
        assert figures.drop <= 0.01
        assert figures.flips <= 0.02


def test_what_was_measured_is_in_the_file_and_beside_it(made: dict[str, Exported]) -> None:
    for name, exported in made.items():
        session = ModelSession(exported.path, device="cpu")
        assert VariantFigures.from_metadata(session.metadata) == exported.figures, name
        beside = json.loads(exported.sidecar.read_text())
        assert VariantFigures.from_metadata(beside) == exported.figures, name
        if exported.figures.accuracy is not None:
            assert session.spec.accuracy == exported.figures.accuracy


def test_no_variant_drifts_over_a_thousand_frames(trained: Trained, made: dict[str, Exported]) -> None:
    finished = FinishedRun.read(trained.run)
    clips = finished.frames.reshape(-1, *finished.frames.shape[2:])
    frames = np.concatenate([clips] * (1 + 1000 // len(clips)))[None, :1000]
    expected = finished.model.answers(frames)
    for name, exported in made.items():
        rows = onnx_rows(ModelSession(exported.path, device="cpu"), frames, steps=1)
        apart = np.abs(rows - expected).max(axis=(0, 2))
        limit = VARIANTS[name].parity_limit
        if limit is None:
            assert (rows.argmax(axis=-1) != expected.argmax(axis=-1)).mean() <= 0.02, name
            assert np.median(apart[-200:]) <= 2 * np.median(apart[:200]) + 0.01, name
        else:
            assert apart.max() <= limit, name


def test_structures(made: dict[str, Exported]) -> None:
    operators = {
        name: [node.op_type for node in onnx.load(item.path).graph.node]
        for name, item in made.items()
        if item.path.suffix == ".onnx"
    }
    assert {name: found.count("LSTM") for name, found in operators.items()} == {
        "float32": 1,
        "float16": 1,
        "int8": 1,
        "static": 1,
        "no-lstm-op": 0,
    }
    assert all(not {"Loop", "If", "Scan"} & set(found) for found in operators.values())
    assert operators["int8"].count("QuantizeLinear") >= 8
    halved = {tensor.data_type for tensor in onnx.load(made["float16"].path).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in halved
    for name, exported in made.items():
        model = ModelSession(exported.path, device="cpu")
        stateful = model.spec.kind == "stateful"
        assert model.one_camera == (name == "static")
        assert model.one_step == (name == "static" or (stateful and name == "no-lstm-op"))


def test_a_fixed_model_watches_like_the_others(trained: Trained, made: dict[str, Exported]) -> None:
    """Chunks and cameras are taken apart for it."""
    clip = sorted((trained.data / "test" / "jumping-jack").iterdir())[0]
    found = []
    for name in ("float32", "static"):
        records = Classifier.load(made[name].path, device="cpu").watch(clip)
        found.append([(item.label, item.start_seconds) for item in records if isinstance(item, Event)])
    assert found[0] == found[1]
    assert [label for label, _ in found[0]] == ["jumping-jack"]


def test_variants_are_the_same_bytes_each_time(trained: Trained, made: dict[str, Exported], tmp_path: Path) -> None:
    exporter = Exporter(trained.run)
    for name, exported in made.items():
        if name == "ort":  # ONNX Runtime writes its tables in an order that changes from time to time
            continue
        again = exporter.write(tmp_path / exported.path.name, name)
        assert again.path.read_bytes() == exported.path.read_bytes(), name
        assert again.sidecar.read_bytes() == exported.sidecar.read_bytes(), name


@pytest.fixture
def fragile(trained: Trained, tmp_path: Path) -> Path:
    """A run whose float32 is fine, and whose weights cannot be rounded: a large one where the input is always zero."""
    run = tmp_path / "fragile"
    shutil.copytree(trained.run, run)
    encoder = keras.saving.load_model(run / "encoder.keras")
    norm = encoder.get_layer("stage2_1_norm")
    gamma, beta, mean, variance = norm.get_weights()
    beta[0] = -100.0
    norm.set_weights([gamma, beta, mean, variance])
    convolution = encoder.get_layer("stage3_1_conv")
    (kernel,) = convolution.get_weights()
    kernel[:, :, 0] = 1000.0
    convolution.set_weights([kernel])
    encoder.save(run / "encoder.keras")
    return run


def test_a_variant_that_loses_too_much_is_refused_and_not_written(fragile: Path, tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "out"
    code, _, errors = cli("export", fragile, "--output", folder / "m.onnx", "--variant", "int8", "--max-drop", "100")
    assert code == 1
    assert errors.splitlines()[-1].startswith("error: int8 is refused: on")
    assert "% of its decisions are not float32's, and at most 2 % may be" in errors
    assert list(folder.iterdir()) == []
    code, out, errors = cli("export", fragile, "--output", folder / "m.onnx", "--variant", "static")
    assert code == 0, errors
    assert "held-out answers (+0.00 points against float32), 0.00 % of decisions differ" in out


def test_the_gate() -> None:
    int8, float16 = VARIANTS["int8"], VARIANTS["float16"]
    labels = np.repeat([0, 1], 100)
    right = np.eye(2, dtype=np.float32)[labels]
    wrong = right.copy()
    wrong[:3] = [0, 1]
    figures = compare(int8, 0.3, wrong, right, labels)
    assert (figures.accuracy, figures.drop, figures.flips) == (0.985, pytest.approx(0.015), 0.015)
    with pytest.raises(ModelError, match=r"1\.50 points below float32's, and at most 1 may be lost"):
        Gate().check(figures, int8)
    Gate(max_drop=0.02).check(figures, int8)
    with pytest.raises(ModelError, match=r"1\.50 % of its decisions"):
        Gate(max_drop=0.02, max_flips=0.01).check(figures, int8)
    better = compare(int8, 0.3, right, wrong, labels)
    assert better.drop == pytest.approx(-0.015)
    Gate(max_drop=0).check(better, int8)
    with pytest.raises(ModelError, match="differs from Keras by"):
        Gate().check(replace(better, variant="float16"), float16)
    for broken in (float("nan"), float("inf")):
        with pytest.raises(ModelError, match="differs from Keras by"):
            Gate().check(replace(better, parity=broken), int8)
    with pytest.raises(SettingsError, match="max_drop"):
        Gate(max_drop=2)


def test_the_held_out_clips_have_to_be_there(trained: Trained, tmp_path: Path, cli: Cli, toy_clips: Path) -> None:
    run, output = tmp_path / "run", tmp_path / "m.onnx"
    shutil.copytree(trained.run, run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"data": str(tmp_path / "gone")}))
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16")
    assert code == 1
    assert "gone, which" in errors.splitlines()[-1]
    assert "give --data DIR" in errors
    assert cli("export", run, "--output", output)[0] == 0, "float32 needs no clips"
    output.unlink()
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16", "--data", toy_clips)
    assert code == 1
    assert "is not the data set that" in errors
    assert not output.exists()
    code, _, errors = cli("export", run, "--output", output, "--variant", "float16", "--data", trained.data)
    assert code == 0, errors


def test_names_of_files_and_variants(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("export", trained.run, "--output", tmp_path / "m.onnx", "--variant", "ort")
    assert code == 1
    assert "is not the name of an .ort file" in errors
    both = ["--variant", "int8", "--no-lstm-op"]
    assert cli("export", trained.run, "--output", tmp_path / "m.onnx", *both)[0] == 2
    assert cli("export", trained.run, "--output", tmp_path / "m.onnx", "--variant", "int4")[0] == 2
    with pytest.raises(SettingsError, match="no variant 'int4'; there are float32"):
        find_variant("int4")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_the_default_model_shrink(tmp_path: Path) -> None:
    model = SequenceModel.build(TrainSettings(), labels=[f"label-{number}" for number in range(10)])
    encoder, head = convert_encoder(model.encoder, size_wh=(96, 96)), HeadWeights.of(model.head)
    layout = Layout("window", 16, 96, 96)
    whole = streaming_model(encoder, head, layout)
    frames = np.random.default_rng(0).integers(0, 256, (4, 3, 96, 96), dtype=np.uint8)
    rounded = streaming_model(quantize_encoder(encoder, [frames]), head, layout)
    store_lstm(rounded)
    assert len(whole.SerializeToString()) >= 3.3 * len(rounded.SerializeToString())
    softmax = next(node for node in rounded.graph.node if node.op_type == "Softmax")
    maps = next(node for node in rounded.graph.node if node.op_type == "Conv" and node.input[1] in floats(rounded))
    assert softmax.name.startswith("encoder/")
    assert maps.name.startswith("encoder/")
    assert sum(node.op_type == "Conv" and node.input[1] in floats(rounded) for node in rounded.graph.node) == 2


def floats(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}


def test_spans_keep_zero_and_round_to_the_nearest_step() -> None:
    span = Span.between(-1.0, 3.0)
    assert span.zero == 64
    values = np.linspace(-1, 3, 1001).astype(np.float32)
    numbers = np.rint(values / span.scale) + span.zero
    assert (numbers.min(), numbers.max()) == (0, 255)
    assert Span.between(0.5, 2.0).zero == 0
    assert Span.between(0.0, 0.0).scale > 0


def test_speed_is_told_as_it_is(made: dict[str, Exported]) -> None:
    speed = compare_speed(made["int8"].path, made["float32"].path)
    assert min(speed.variant_fps, speed.float32_fps, speed.ratio) > 0
    shown = {
        ratio: list(told(replace(made["int8"], speed=Speed(1.0, 1.0, ratio, 16, 2, "a processor"))))[-1]
        for ratio in (0.9, 1.6)
    }
    assert shown[0.9].startswith("int8 is not faster than float32 here (0.90 times its speed)")
    assert shown[1.6].startswith("int8 is 1.60 times as fast as float32 here")


def test_figures_that_cannot_be_read() -> None:
    figures = VariantFigures("int8", 0.1, 0.9, 0.0, 0.01, 100)
    metadata = figures.to_metadata()
    assert VariantFigures.from_metadata(metadata) == figures
    assert VariantFigures.from_metadata({}) is None
    with pytest.raises(MetadataError, match="variant_"):
        VariantFigures.from_metadata(metadata | {"framestream.variant_parity": "much"})


def test_a_span_leaves_out_what_is_rarest() -> None:
    finder = SpanFinder(seed=0)
    values = np.linspace(0, 1, 100_000).astype(np.float32)
    for _ in range(10):
        finder.add(values)
    values[7] = 1000.0  # once, and at the edge of one batch's values
    finder.add(values)
    span = finder.find()
    assert span.zero == 0
    assert 1.0 <= float(span.scale) * 255 < 1.01


def correlated(rng: np.random.Generator, rows: int, inputs: int) -> np.ndarray:
    """Inputs as those of a convolution are: neighbours are alike."""
    return np.cumsum(rng.normal(size=(rows, inputs)), axis=1).astype(np.float32)


def test_rounding_makes_up_for_its_errors() -> None:
    rng = np.random.default_rng(0)
    weights, inputs = rng.normal(size=(12, 40)).astype(np.float32), correlated(rng, 500, 40)
    moments = InputMoments(helper.make_node("Gemm", ["x", "w"], ["y"], transB=1), weights.shape, seed=0)
    moments.add(inputs)
    assert moments.sums is not None
    off = {}
    for name, sums in (("nearest", None), ("in turn", moments.sums)):
        numbers, steps = round_rows(weights, sums, 0.0)
        off[name] = np.square(inputs @ (numbers * steps[:, None] - weights).T).mean()
        assert numbers.dtype == np.int8
    assert off["in turn"] < 0.3 * off["nearest"]


@pytest.mark.parametrize("alike", [True, False])
def test_no_two_weights_of_one_sign_add_up_to_more_than_128(alike: bool) -> None:
    """Products of uint8 with two of them would not fit into 16 bits, in which some processors add them."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(30, 25)).astype(np.float32)
    weights[0] = 1.0  # the worst row: all alike
    weights[1, 3] = 90.0  # the best: one alone, which takes all that eight bits have
    moments = None
    if alike:
        inputs = correlated(rng, 300, 25)
        moments = (inputs.T @ inputs)[None].astype(np.float64)
    numbers, steps = round_rows(weights, moments, 0.0)
    for row in numbers.astype(int):
        for sign in (1, -1):
            assert sum(sorted(np.maximum(sign * row, 0))[-2:]) <= 128
    assert numbers[1, 3] == 127
    assert np.abs(numbers * steps[:, None] - weights).max(axis=1)[1] <= 90.0 / 127
    again, _ = round_rows(weights, moments, 0.0)
    assert np.array_equal(numbers, again)


def test_a_channel_whose_weights_died_keeps_its_bias() -> None:
    """Training does that: all weights next to nothing, and a bias that is not. In their steps it needs 50 bits."""
    rng = np.random.default_rng(0)
    encoder = small_convolutions(rng)
    bias = next(tensor for tensor in encoder.graph.initializer if tensor.name == "bias")
    weights = next(tensor for tensor in encoder.graph.initializer if tensor.name == "weights")
    values = numpy_helper.to_array(weights).copy()
    values[2] = 1e-12
    weights.CopyFrom(numpy_helper.from_array(values, "weights"))
    bias.CopyFrom(numpy_helper.from_array(np.array([0.1, -0.1, 0.7, 0], np.float32), "bias"))
    frames = rng.integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    with np.errstate(all="raise"):
        rounded = quantize_encoder(encoder, [frames])
    expected, found = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"frames": frames}
        )[0]
        for model in (encoder, rounded)
    )
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
    assert found[:, 2] == pytest.approx(0.7, abs=0.02)


def small_convolutions(rng: np.random.Generator) -> onnx.ModelProto:
    """Frames, a convolution that sees pixels, one that does not, with strides and pads, and the mean of its maps."""
    first, second = rng.normal(size=(5, 3, 3, 3)) / 400, rng.normal(size=(4, 5, 3, 3)) / 5
    nodes = [
        helper.make_node("Cast", ["frames"], ["pixels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "first"], ["seen"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["seen"], ["seen_relu"]),
        helper.make_node(
            "Conv", ["seen_relu", "weights", "bias"], ["maps"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]
        ),
        helper.make_node("ReduceMean", ["maps"], ["features"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("frames", onnx.TensorProto.UINT8, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", 4])],
        initializer=[
            numpy_helper.from_array(first.astype(np.float32), "first"),
            numpy_helper.from_array(second.astype(np.float32), "weights"),
            numpy_helper.from_array(np.zeros(4, np.float32), "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("strides", "pads", "dilations", "group"), [(1, 1, 1, 1), (2, 0, 1, 2), (1, 2, 2, 1)])
def test_patches_are_what_the_kernel_sees(strides: int, pads: int, dilations: int, group: int) -> None:
    """The moments of a single sum are the mean square of what the convolution gives."""
    rng = np.random.default_rng(0)
    inputs = correlated(rng, 4 * 6, 81).reshape(4, 6, 9, 9)
    weights = rng.normal(size=(group, 6 // group, 3, 3)).astype(np.float32)
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], strides=[strides] * 2, pads=[pads] * 4, dilations=[dilations] * 2, group=group
    )
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, inputs.shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"x": inputs})
    moments = InputMoments(node, weights.shape, seed=0)
    for _ in range(200):
        moments.add(inputs)
    assert moments.sums is not None
    assert moments.sums.shape == (group, 9 * 6 // group, 9 * 6 // group)
    for index in range(group):
        row = weights[index].reshape(-1)
        found = row @ moments.sums[index] @ row / (200 * 256)
        assert found == pytest.approx(np.square(given[:, index]).mean(), rel=0.05)


def test_another_process_writes_the_same_bytes(trained: Trained, made: dict[str, Exported], tmp_path: Path) -> None:
    """Two, since one that hashes its names in another order shows what a second run in this process cannot."""
    for seed in ("1", "2"):
        for name in ("float32", "int8"):
            path = tmp_path / f"{name}-{seed}.onnx"
            command = [sys.executable, "-m", "framestream.cli", "export", str(trained.run), "--output", str(path)]
            done = subprocess.run(
                [*command, "--variant", name],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            )
            assert done.returncode == 0, done.stderr
            assert path.read_bytes() == made[name].path.read_bytes(), name
