import dataclasses
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from framestream import MetadataError, ModelError, ModelNotFoundError, ProviderError, SettingsError, SignatureError
from framestream.cores import usable_cores
from framestream.model.onnx_runtime import import_runtime
from framestream.model.session import ModelSession
from tests.tiny_model import LABELS, SIZE, expected_probabilities, make_spec, write_model

RANDOM = np.random.default_rng(7)


def random_frames(cameras: int, steps: int) -> np.ndarray:
    """Frames whose mean colour wanders, so that the predictions vary."""
    colours = RANDOM.integers(0, 256, (cameras, steps, 1, 1, 3))
    noise = RANDOM.integers(-40, 41, (cameras, steps, SIZE, SIZE, 3))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


@pytest.fixture(params=["window", "stateful"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> ModelSession:
    path = tmp_path / "tiny.onnx"
    write_model(path, make_spec(kind=request.param))
    return ModelSession(path, device="cpu", threads=1)


def run_in_chunks(session: ModelSession, frames: np.ndarray, chunk: int) -> np.ndarray:
    state = session.zero_state(len(frames))
    rows = []
    for first in range(0, frames.shape[1], chunk):
        probabilities, state = session.run(frames[:, first : first + chunk], state)
        rows.append(probabilities)
    return np.concatenate(rows, axis=1)


@pytest.mark.parametrize("chunk", [1, 3, 16, 40])
@pytest.mark.parametrize("cameras", [1, 4])
def test_answers_follow_by_hand_whatever_the_chunks_and_cameras(
    session: ModelSession, chunk: int, cameras: int
) -> None:
    frames = random_frames(cameras, 40)
    expected = np.stack([expected_probabilities(camera, session.spec) for camera in frames])
    assert expected.std(axis=1).min() > 0.01, "predictions that do not vary would prove nothing"
    assert np.abs(run_in_chunks(session, frames, chunk) - expected).max() < 1e-5


def test_a_session_says_what_it_is(session: ModelSession) -> None:
    assert session.provider == "CPUExecutionProvider"
    assert session.threads == 1
    assert session.spec.labels == LABELS
    state = session.zero_state(3)
    assert {name: array.shape[0] for name, array in state.items()} == dict.fromkeys(session.spec.state_names, 3)
    assert all((array == 0).all() and array.dtype == np.float32 for array in state.values())


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((1, 1, SIZE, SIZE, 3), np.float32),
        np.zeros((1, SIZE, SIZE, 3), np.uint8),
        np.zeros((1, 1, SIZE, SIZE + 1, 3), np.uint8),
        np.zeros((1, 0, SIZE, SIZE, 3), np.uint8),
    ],
)
def test_frames_that_do_not_fit_are_refused(session: ModelSession, frames: np.ndarray) -> None:
    with pytest.raises(SignatureError, match="frames are"):
        session.run(frames, session.zero_state())


def test_a_state_that_does_not_fit_is_refused(session: ModelSession) -> None:
    with pytest.raises(SignatureError, match="zero_state"):
        session.run(random_frames(1, 1), {})


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no such model file"):
        ModelSession(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="is a directory"):
        ModelSession(tmp_path)
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match="is empty"):
        ModelSession(tmp_path / "empty.onnx")
    (tmp_path / "text.onnx").write_text("no protobuf " * 50)
    with pytest.raises(ModelError, match=r"text\.onnx is not an ONNX model"):
        ModelSession(tmp_path / "text.onnx")


def test_metadata_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_model(path, metadata={})
    with pytest.raises(MetadataError, match="no FrameStream metadata"):
        ModelSession(path)
    metadata = make_spec().to_metadata()
    del metadata["framestream.labels"]
    write_model(path, metadata=metadata)
    with pytest.raises(MetadataError, match=r"m\.onnx lacks the metadata key framestream\.labels"):
        ModelSession(path)


def write_other_model(path: Path, inputs: dict[str, tuple[int, list[int | str]]]) -> None:
    """A valid ONNX file with our metadata and other inputs; each is passed on to an output `next_<name>`."""
    tensors = [helper.make_tensor_value_info(name, *form) for name, form in inputs.items()]
    results = [helper.make_tensor_value_info(f"next_{name}", *form) for name, form in inputs.items()]
    nodes = [helper.make_node("Identity", [name], [f"next_{name}"]) for name in inputs]
    model = helper.make_model(
        helper.make_graph(nodes, "other", tensors, results), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    helper.set_model_props(model, make_spec().to_metadata())
    onnx.save(model, str(path))


def test_other_inputs_are_refused_by_name(tmp_path: Path) -> None:
    write_other_model(tmp_path / "m.onnx", {"image": (TensorProto.FLOAT, [1, 3, 224, 224])})
    with pytest.raises(SignatureError, match=r"inputs are image; the contract asks for frames, features"):
        ModelSession(tmp_path / "m.onnx")


def test_missing_outputs_are_refused_by_name(tmp_path: Path) -> None:
    frames = (TensorProto.UINT8, ["cameras", "steps", SIZE, SIZE, 3])
    write_other_model(tmp_path / "m.onnx", {"frames": frames, "features": (TensorProto.FLOAT, ["cameras", 3, 3])})
    with pytest.raises(SignatureError, match=r"outputs are .*next_frames.*asks for probabilities, next_features"):
        ModelSession(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    "change",
    [{"height": SIZE + 1}, {"width": 2 * SIZE}, {"labels": ("red", "blue")}, {"labels": ("red", "green", "blue", "x")}],
)
def test_metadata_that_contradicts_the_graph_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    spec = dataclasses.replace(make_spec(), **change)  # type: ignore[arg-type]
    write_model(tmp_path / "m.onnx", spec)
    with pytest.raises(SignatureError, match=r"m\.onnx: (frames|probabilities) is tensor"):
        ModelSession(tmp_path / "m.onnx")


def test_a_device_that_is_not_there_is_refused_with_the_line_that_helps(model_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(ProviderError, match=r'CPUExecutionProvider.*pip install "framestream\[gpu\]"'):
        ModelSession(model_path, device="cuda")


def test_settings_out_of_range_are_refused(model_path: Path) -> None:
    for threads in (0, 257, 10**9):
        with pytest.raises(SettingsError, match=f"threads is {threads}: give .* from 1 to 256"):
            ModelSession(model_path, threads=threads)
    with pytest.raises(SettingsError, match="auto, cpu, cuda"):
        ModelSession(model_path, device="tpu")  # type: ignore[arg-type]


def test_loading_writes_nothing_to_the_terminal(model_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ModelSession(model_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_those_asked_for(model_path: Path, threads: int) -> None:
    session = ModelSession(model_path, device="cpu", threads=threads)
    options = session._session.get_session_options()
    assert (session.threads, options.intra_op_num_threads, options.inter_op_num_threads) == (threads, threads, 1)


@pytest.mark.parametrize(
    ("macs", "small"),
    [
        pytest.param("28555200", True, id="small"),
        pytest.param("198198112", False, id="large"),
        pytest.param(None, False, id="unknown"),
        pytest.param("many", False, id="not a number"),
        pytest.param("1" * 5000, False, id="too long"),
    ],
)
def test_a_small_model_gets_one_thread_and_others_one_for_each_core(
    tmp_path: Path, macs: str | None, small: bool
) -> None:
    path = tmp_path / "m.onnx"
    write_model(
        path, metadata={**make_spec().to_metadata(), **({} if macs is None else {"framestream.macs_per_frame": macs})}
    )
    session = ModelSession(path, device="cpu")
    expected = 1 if small else min(4, usable_cores())
    assert session.threads == session._session.get_session_options().intra_op_num_threads == expected


def test_a_model_that_loads_but_does_not_run_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", fails_from=0)
    with pytest.raises(SignatureError, match=r"m\.onnx does not run on one blank frame \(.*Gather"):
        ModelSession(tmp_path / "m.onnx")


def test_a_size_the_graph_leaves_open_is_checked_when_it_is_loaded(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx")
    model = onnx.load(str(tmp_path / "m.onnx"))
    # How many a mask leaves over is known only at run time.
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.output[0] = "all"
    model.graph.node.append(helper.make_node("Compress", ["all", "mask"], ["probabilities"], axis=2))
    model.graph.initializer.append(numpy_helper.from_array(np.array([True, True, False]), "mask"))
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_param = "classes"
    onnx.save(model, str(tmp_path / "m.onnx"))
    with pytest.raises(SignatureError, match=r"probabilities are \[1, 1, 2\] for one frame; its 3 labels"):
        ModelSession(tmp_path / "m.onnx")


@pytest.mark.parametrize("window", [2, 3, 5, 16])
def test_a_window_that_contradicts_the_state_is_refused(tmp_path: Path, window: int) -> None:
    metadata = make_spec().to_metadata() | {"framestream.window": str(window), "framestream.anchor_frames": "1"}
    write_model(tmp_path / "m.onnx", metadata=metadata)
    with pytest.raises(SignatureError, match=rf"window is {window}, .*features of {window - 1} .*features \[3, 3\]"):
        ModelSession(tmp_path / "m.onnx")


def test_a_model_that_fails_on_some_frames_says_so(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", fails_from=200)
    session = ModelSession(tmp_path / "m.onnx", device="cpu", threads=1)
    dark, bright = (np.full((1, 2, SIZE, SIZE, 3), level, np.uint8) for level in (199, 200))
    session.run(dark, session.zero_state())
    with pytest.raises(ModelError, match=r"m\.onnx failed on frames \[1, 2, 8, 8, 3\] \(.*Gather.*; check") as caught:
        session.run(bright, session.zero_state())
    assert "\n" not in str(caught.value)


def test_answers_that_are_no_numbers_are_an_error(session: ModelSession) -> None:
    state = {name: np.full_like(array, np.nan) for name, array in session.zero_state().items()}
    with pytest.raises(ModelError, match="no numbers"):
        session.run(random_frames(1, 1), state)


@pytest.mark.parametrize("name", ["x" * 300 + ".onnx", "nul\0.onnx"])
def test_a_name_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be opened .*check the path"):
        ModelSession(tmp_path / name)


def test_ctrl_c_while_onnxruntime_starts_is_no_missing_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "onnxruntime":  # as pybind11 says it
                raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted, *sys.meta_path])
    with pytest.raises(KeyboardInterrupt):
        import_runtime()
