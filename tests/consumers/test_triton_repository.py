"""The repository for Triton, read by tritonclient's protobuf and checked by a FAKE server: there is no Triton here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.errors import ModelError, SettingsError
from framestream.model.session import ModelSession
from framestream_export.triton.config import quoted
from framestream_export.triton.repository import Repository, copied, served_name, write_repository
from framestream_export.triton.served_model import ServedModel, State, Tensor
from tests.consumers.triton_models import repository_of, write_lstm_model
from tests.tiny_model import make_spec, write_model

pytest.importorskip("tritonclient.grpc", exc_type=ImportError)

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from tests.consumers.fake_triton import FakeLoadError, load

DEFAULT_MODEL = Path(__file__).parents[2] / "framestream" / "models" / "default.onnx"
FP32, UINT8 = model_config_pb2.TYPE_FP32, model_config_pb2.TYPE_UINT8


@pytest.fixture(scope="module")
def lstm_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lstm") / "lstm.onnx"
    write_lstm_model(path)
    return path


def config_of(repository: Repository) -> Any:
    text = (repository.path / repository.name / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_config_of_the_default_model_says_what_triton_needs(tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "models", "default", copied(DEFAULT_MODEL))
    config, spec = config_of(repository), ModelSession(DEFAULT_MODEL, device="cpu").spec
    assert (config.name, config.backend) == ("default", "onnxruntime")
    assert config.max_batch_size == 32
    (frames,), (probabilities,) = config.input, config.output
    assert (frames.name, frames.data_type, list(frames.dims)) == ("frames", UINT8, [-1, 96, 96, 3])
    assert (probabilities.name, probabilities.data_type) == ("probabilities", FP32)
    assert list(probabilities.dims) == [-1, len(spec.labels)]
    batching = config.sequence_batching
    assert config.WhichOneof("scheduling_choice") == "sequence_batching"
    assert batching.WhichOneof("strategy_choice") == "oldest"
    assert batching.oldest.max_candidate_sequences == 1024
    assert batching.oldest.max_queue_delay_microseconds == 5000, "a twentieth of a frame at 10 frames per second"
    assert batching.max_sequence_idle_microseconds == 10_000_000
    assert not batching.control_input, "the graph declares none"
    (state,) = batching.state
    assert (state.input_name, state.output_name) == ("features", "next_features")
    assert (state.data_type, list(state.dims)) == (FP32, [15, 128])
    (initial,) = state.initial_state
    assert (initial.data_type, list(initial.dims), initial.zero_data) == (FP32, [15, 128], True)
    assert {key: value.string_value for key, value in config.parameters.items()} == spec.to_metadata()
    labels = (repository.path / "default" / probabilities.label_filename).read_text(encoding="utf-8")
    assert labels.splitlines() == list(spec.labels)
    assert (repository.path / "default" / "1" / "model.onnx").read_bytes() == DEFAULT_MODEL.read_bytes()
    load(repository.path, "default")


def test_config_of_two_states(tmp_path: Path, lstm_path: Path) -> None:
    config = config_of(repository_of(lstm_path, tmp_path / "models"))
    pairs = {state.input_name: (state.output_name, list(state.dims)) for state in config.sequence_batching.state}
    assert pairs == {"hidden": ("next_hidden", [3]), "cell": ("next_cell", [3])}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_text_format(text: str) -> None:
    parsed = text_format.Parse(f"name: {quoted(text)}", model_config_pb2.ModelConfig())
    assert parsed.name == text


def test_idle_limit_covers_clients_that_send_seldom(tmp_path: Path) -> None:
    slow = tmp_path / "slow.onnx"
    write_model(slow, make_spec(frame_rate=2.0))
    config = config_of(repository_of(slow, tmp_path / "models"))
    assert config.sequence_batching.max_sequence_idle_microseconds == 32_000_000


def test_models_that_triton_could_not_batch_are_refused_and_nothing_is_left(tmp_path: Path, model_path: Path) -> None:
    fixed = onnx.load(model_path)
    for value in [*fixed.graph.input, *fixed.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(fixed, str(tmp_path / "fixed.onnx"))
    with pytest.raises(ModelError):
        repository_of(tmp_path / "fixed.onnx", tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []
    (tmp_path / "mobile.ort").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"wants an \.onnx file"):
        ServedModel.read(tmp_path / "mobile.ort")


def test_states_that_triton_would_mix_up_are_refused() -> None:
    def tensor(name: str) -> Tensor:
        return Tensor(name, "TYPE_FP32", (1,))

    states = tuple(State(tensor(name), tensor(f"{name}_next")) for name in ("cache", "cache_len"))
    with pytest.raises(ModelError, match="mix up the states cache, cache_len"):
        ServedModel(make_spec(), tensor("frames"), tensor("probabilities"), states)


def test_only_models_of_ours_are_replaced(tmp_path: Path, model_path: Path, lstm_path: Path) -> None:
    models = tmp_path / "models"
    other = models / "resnet"
    other.mkdir(parents=True)
    (other / "config.pbtxt").write_text('name: "resnet"')
    repository_of(model_path, models)
    (models / "model" / "left-over").touch()
    repository_of(lstm_path, models)
    assert len(config_of(Repository(models, "model", make_spec())).sequence_batching.state) == 2
    assert not (models / "model" / "left-over").exists()
    with pytest.raises(SettingsError, match=r"resnet exists and is no model of ours"):
        write_repository(models, "resnet", copied(model_path))
    assert sorted(item.name for item in models.iterdir()) == ["model", "resnet"]
    assert (other / "config.pbtxt").read_text() == 'name: "resnet"'


def test_a_model_that_cannot_be_made_leaves_the_old_one(tmp_path: Path, model_path: Path) -> None:
    repository = repository_of(model_path, tmp_path / "models")
    before = config_of(repository)
    with pytest.raises(ModelError, match="no ONNX"):
        write_repository(repository.path, "model", lambda path: _fail())
    assert config_of(repository) == before
    assert [item.name for item in repository.path.iterdir()] == ["model"]


def _fail() -> None:
    raise ModelError("no ONNX")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gestures", "gestures"),
        ("run 1/a", "run_1_a"),
        ("…", "framestream"),
        (".hidden", "hidden"),
        ("", "framestream"),
    ],
)
def test_names_fit_a_folder_and_an_address(text: str, name: str) -> None:
    assert served_name(text) == name


@pytest.mark.parametrize(
    "broken",
    [
        ("max_batch_size: 32", "max_batch_size: 0"),
        ('name: "model"', 'name: "other"'),
        ("dims: [ -1, 8, 8, 3 ]", "dims: [ -1, -1, 8, 8, 3 ]"),
        ('output_name: "next_features"', 'output_name: "features"'),
        ("max_candidate_sequences: 1024", "max_candidate_sequences: 0"),
        ('name: "zeros" ', ""),
        (
            "  state {",
            "  state { input_name: 'x' output_name: 'next_features' data_type: TYPE_FP32 dims: 3 }\n  state {",
        ),
    ],
    ids=["no batches", "name", "cameras in dims", "state output", "no candidates", "initial state", "one too many"],
)
def test_the_fake_refuses_configurations_that_triton_refuses(
    tmp_path: Path, model_path: Path, broken: tuple[str, str]
) -> None:
    repository = repository_of(model_path, tmp_path / "models")
    file = repository.path / "model" / "config.pbtxt"
    text = file.read_text(encoding="utf-8")
    assert broken[0] in text
    load(repository.path, "model")
    file.write_text(text.replace(*broken, 1), encoding="utf-8")
    with pytest.raises(FakeLoadError):
        load(repository.path, "model")
