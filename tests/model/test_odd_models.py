"""Models with odd contents: bytes that are no text, dimensions and digits without end, probabilities that are none."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from framestream import ModelError, ModelSession, SignatureError
from framestream.cli.main import run
from framestream.model.spec import ModelSpec
from tests.cli.test_errors_shown import failing_line
from tests.conftest import WriteVideo
from tests.tiny_model import make_spec, write_model

SPEC = make_spec()
NOT_UTF8 = b"\xff"


def odd_model(path: Path, old: bytes, new: bytes, *, times: int = -1) -> Path:
    """The tiny model, with some of its bytes replaced by as many others."""
    assert len(old) == len(new)
    write_model(path, SPEC)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, times))
    return path


def test_a_name_that_is_not_utf8(tmp_path: Path, write_video: WriteVideo, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m\udcff.onnx"
    write_model(tmp_path / "m.onnx", SPEC)
    (tmp_path / "m.onnx").rename(path)
    for command in (["info"], ["watch", str(write_video(["red"])), "--model"], ["bench"]):
        line = failing_line(capsys, [*command, str(path)])
        assert line.endswith("m\ufffd.onnx: its name is not UTF-8; rename it\n")


@pytest.mark.parametrize("times", [1, -1], ids=["once", "everywhere"])
@pytest.mark.parametrize("word", ["framestream.producer", "tests", "features", "frames", "probabilities", "cameras"])
def test_texts_that_are_not_utf8(tmp_path: Path, word: str, times: int, capsys: pytest.CaptureFixture[str]) -> None:
    old = word.encode()
    path = odd_model(tmp_path / "m.onnx", old, NOT_UTF8 + old[1:], times=times)
    assert "m.onnx is not an ONNX model" in failing_line(capsys, ["info", str(path)])


@pytest.mark.parametrize("operator", ["Softmax", "Concat"])
def test_operators_that_are_not_utf8(tmp_path: Path, operator: str, capsys: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime would print that it tries again, on the same processor."""
    path = odd_model(tmp_path / "m.onnx", operator.encode(), NOT_UTF8 + operator.encode()[1:])
    assert "m.onnx is not an ONNX model" in failing_line(capsys, ["info", str(path)])


@pytest.mark.parametrize("digits", ["9" * 4000, "-" + "9" * 4000, "9" * 5000, "1e99999", "x" * 100_000])
def test_metadata_without_end_is_one_short_line(
    tmp_path: Path, digits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.onnx"
    # Texts that nobody reads as numbers may be as long as they like.
    free = ("framestream.producer", "framestream.training_fingerprint", "framestream.created", "framestream.head")
    for key in SPEC.to_metadata():
        if key in free:
            continue
        write_model(path, SPEC, metadata=SPEC.to_metadata() | {key: digits})
        assert len(failing_line(capsys, ["info", str(path)])) < 600 + len(str(path))


@pytest.mark.parametrize("key", ["parameters", "macs_per_frame", "opset", "operators", "variant_drop"])
def test_facts_without_end_are_no_facts(tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.onnx"
    text = "9" * 5000 if key != "operators" else "Conv " + "9" * 5000
    write_model(path, SPEC, metadata=SPEC.to_metadata() | {f"framestream.{key}": text})
    assert run(["info", str(path)]) == 0
    assert "9" * 100 not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"framestream.window": ' + "9" * 5000 + "}"])
def test_a_sidecar_without_end(text: str) -> None:
    with pytest.raises(ModelError, match="the sidecar is not JSON that can be used"):
        ModelSpec.from_json(text)


@pytest.mark.parametrize("size", [2**62, 2**40, 10**9])
def test_dimensions_without_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.onnx"
    write_model(path, SPEC)
    model = onnx.load(str(path))
    for tensor in (model.graph.input[1], model.graph.output[1]):
        tensor.type.tensor_type.shape.dim[1].dim_value = size
    onnx.save(model, str(path))
    with pytest.raises(SignatureError, match="state features has shape"):
        ModelSession(path)


def shifted_model(path: Path, *, factor: float, offset: float) -> None:
    """The tiny model, whose probabilities are multiplied and shifted at the end."""
    write_model(path, SPEC)
    model = onnx.load(str(path))
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.output[0] = "plain"
    for name, value in (("factor", factor), ("offset", offset)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    model.graph.node.append(helper.make_node("Mul", ["plain", "factor"], ["scaled"]))
    model.graph.node.append(helper.make_node("Add", ["scaled", "offset"], ["probabilities"]))
    onnx.save(model, str(path))


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.7), (1.0, -0.5), (-1.0, 0.0), (100.0, 0.0), (1e30, 0.0)])
def test_probabilities_outside_0_to_1_are_the_models_error(tmp_path: Path, factor: float, offset: float) -> None:
    shifted_model(tmp_path / "m.onnx", factor=factor, offset=offset)
    with pytest.raises(ModelError, match=r"gave probabilities from .* to .*, and they lie in 0 to 1"):
        ModelSession(tmp_path / "m.onnx")


@pytest.mark.parametrize(("factor", "offset"), [(1.001, 0.0), (1.0, -0.001)])
def test_rounding_is_no_error(tmp_path: Path, factor: float, offset: float) -> None:
    shifted_model(tmp_path / "m.onnx", factor=factor, offset=offset)
    session = ModelSession(tmp_path / "m.onnx")
    rows, _ = session.run(np.full((1, 8, 8, 8, 3), (255, 0, 0), np.uint8), session.zero_state())
    assert rows.min() >= 0
    assert rows.max() <= 1


def endless_model(path: Path) -> None:
    """The tiny model behind a loop that takes years."""
    write_model(path, SPEC)
    model = onnx.load(str(path))

    def scalar(name: str, element: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, element, [])

    nodes = [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Mul", ["value", "value"], ["square"])]
    body = helper.make_graph(
        nodes,
        "body",
        [scalar("turn", TensorProto.INT64), scalar("go", TensorProto.BOOL), scalar("value", TensorProto.FLOAT)],
        [scalar("go_on", TensorProto.BOOL), scalar("square", TensorProto.FLOAT)],
    )
    for name, value in (("turns", np.array(2**60)), ("yes", np.array(True)), ("unit", np.array(1, np.float32))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.output[0] = "plain"
    model.graph.node.append(helper.make_node("Loop", ["turns", "yes", "unit"], ["endless"], body=body))
    model.graph.node.append(helper.make_node("Mul", ["plain", "endless"], ["probabilities"]))
    onnx.save(model, str(path))


def large_model(path: Path) -> None:
    """The tiny model, to be simplified for minutes before it can be run."""
    write_model(path, SPEC)
    model = onnx.load(str(path))
    products = 300
    for name, value in (("small", np.ones((1, 1), np.float32)), ("sides", np.array([2000, 2000]))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.output[0] = "plain"
    nodes = [helper.make_node("Expand", ["small", "sides"], ["product0"])]
    for index in range(products):
        nodes.append(helper.make_node("MatMul", [f"product{index}"] * 2, [f"product{index + 1}"]))
    nodes.append(helper.make_node("ReduceMax", [f"product{products}"], ["most"], keepdims=0))
    nodes.append(helper.make_node("Mul", ["plain", "most"], ["probabilities"]))
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))


@pytest.mark.parametrize("make", [endless_model, large_model])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_loading_can_be_interrupted(tmp_path: Path, make: object, number: signal.Signals, code: int) -> None:
    assert callable(make)
    make(tmp_path / "m.onnx")
    program = (
        "import signal, sys, threading, time\n"
        "from framestream.cli.main import run\n"
        "def tell():\n"
        "    while not any(thread.name == 'framestream-load' for thread in threading.enumerate()): time.sleep(0.01)\n"
        "    time.sleep(1)\n"
        "    print('loading', flush=True)\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "info", str(tmp_path / "m.onnx")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "loading\n"
            process.send_signal(number)
            assert process.wait(30) == code
            assert process.stderr.read().strip() == ("error: interrupted" if code == 130 else "")
        finally:
            process.kill()
