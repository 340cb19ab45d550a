"""Golden vectors: written in ONNX's own layout, replayed in order, and every lie found and named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from framestream import DataError, ProviderError
from framestream.model.session import GraphRun
from framestream.sampling.resize import fit_frame
from framestream_export.verification.pictures import replay_pictures, write_pictures
from framestream_export.verification.tensor_files import read_data_sets
from framestream_export.verification.vectors import choose_sequences
from framestream_export.verification.verifier import verify
from tests.export.conftest import Cli
from tests.export.handed_over import change_model, wandering_frames, write_handed_over
from tests.tiny_model import LABELS, expected_probabilities, make_spec

CHAIN = "golden vectors: one camera, frame by frame"
BATCH = "golden vectors: 2 cameras, several frames at once"


@pytest.fixture(params=["window", "stateful"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_handed_over(tmp_path / "model", kind=request.param)


def failed(path: Path, **options: object) -> dict[str, str]:
    return {check.name: check.measured for check in verify(path, **options) if not check.passed}  # type: ignore[arg-type]


def test_all_is_well_and_says_so(model: Path, cli: Cli) -> None:
    assert failed(model) == {}
    measured = {check.name: check.measured for check in verify(model)}
    assert re.search("; (21|24) predictions, 0 other decisions$", measured[CHAIN])
    for given in (model, model.parent):
        code, out, errors = cli("verify", given)
        assert code == 0, out + errors
        assert "FAIL" not in out
        assert " predictions, " in out


def test_a_reader_of_the_files_alone_gets_the_predictions_by_hand(model: Path) -> None:
    """Nothing of ours: TensorProto files, ONNX Runtime, and the tiny model's predictions computed in NumPy."""
    facts = json.loads((model.parent / "vectors.json").read_text())
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()], [item.name for item in session.get_outputs()]
    spec = make_spec(kind="window" if "features" in names[0] else "stateful")
    assert [len(stream["sets"]) for stream in facts["sequences"]] == [24, 3]
    for stream in facts["sequences"]:
        frames, rows, state = [], [], None
        for number in stream["sets"]:
            folder = model.parent / f"test_data_set_{number}"
            inputs, outputs = (
                [
                    onnx.load_tensor(str(folder / f"{side}_{index}.pb"))
                    for index in range(len(list(folder.glob(f"{side}*"))))
                ]
                for side in ("input", "output")
            )
            assert ([item.name for item in inputs], [item.name for item in outputs]) == names
            values = [numpy_helper.to_array(item) for item in inputs]
            given = dict(zip(names[0], values, strict=True))
            for name, found in zip(names[1], session.run(None, given), strict=True):
                recorded = numpy_helper.to_array(outputs[names[1].index(name)])
                np.testing.assert_allclose(found, recorded, atol=1e-6)
            (name,) = set(names[0]) - {"frames"}
            np.testing.assert_array_equal(given[name], np.zeros_like(given[name]) if state is None else state)
            state = numpy_helper.to_array(outputs[names[1].index(f"next_{name}")])
            frames.append(given["frames"])
            rows.append(numpy_helper.to_array(outputs[names[1].index("probabilities")]))
        for camera in range(len(frames[0])):
            seen = np.concatenate([part[camera] for part in frames])
            said = np.concatenate([part[camera] for part in rows])
            assert len(seen) == 24
            np.testing.assert_allclose(said, expected_probabilities(seen, spec), atol=1e-5)


def weights(model: onnx.ModelProto) -> None:
    """Change one weight by two percent."""
    gain = next(item for item in model.graph.initializer if item.name == "gain")
    gain.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(gain) * np.float32(1.02), "gain"))


def labels(model: onnx.ModelProto) -> None:
    facts = {entry.key: entry.value for entry in model.metadata_props}
    facts["framestream.labels"] = "\n".join([LABELS[1], LABELS[0], LABELS[2]])
    helper.set_model_props(model, facts)


def forget(model: onnx.ModelProto) -> None:
    """The state comes out as it went in."""
    state, out = model.graph.input[1].name, model.graph.output[1].name
    for node in model.graph.node:
        node.output[:] = [f"unused_{name}" if name == out else name for name in node.output]
    model.graph.node.append(helper.make_node("Identity", [state], [out]))


@pytest.mark.parametrize("change", [weights, labels, forget])
def test_a_change_that_was_not_covered_up_is_found_by_the_digest(model: Path, change, cli: Cli) -> None:
    change_model(model, change, seal=False)
    assert "changed after it was exported" in failed(model)["unchanged since export"]
    shutil.rmtree(model.parent / "test_data_set_0")
    (model.parent / "vectors.json").unlink()
    assert "unchanged since export" in failed(model), "without golden vectors, too"
    code, out, _ = cli("verify", model)
    assert code == 1
    assert "FAIL" in out


def test_swapped_metadata_are_named(model: Path) -> None:
    change_model(model, labels, seal=False)
    assert "framestream.labels" in failed(model)["metadata complete, sidecar the same"]


def test_a_missing_digest_is_no_proof(model: Path) -> None:
    def remove(proto: onnx.ModelProto) -> None:
        helper.set_model_props(proto, {e.key: e.value for e in proto.metadata_props if not e.key.endswith("digest")})

    change_model(model, remove, seal=False)
    assert "no digest" in failed(model)["unchanged since export"]
    assert "framestream.digest" in failed(model)["metadata complete, sidecar the same"]


def test_a_changed_weight_shows_where_it_first_matters(model: Path) -> None:
    change_model(model, weights)
    found = failed(model)
    assert set(found) == {"golden vectors: of this file", CHAIN, BATCH}
    first = "test_data_set_0: probabilities[0, 0, "
    assert found[CHAIN].startswith(f"first difference in {first}"), found[CHAIN]
    assert "24 of 24 sets differ" in found[CHAIN]
    assert found[BATCH].startswith("first difference in test_data_set_24: probabilities[")


def test_a_state_that_is_not_carried_is_named(model: Path) -> None:
    change_model(model, forget)
    state = "features" if "features" in str(onnx.load(str(model)).graph.input[1].name) else "total"
    assert f"test_data_set_0: next_{state}[" in failed(model)[CHAIN]
    assert "(it is all zeros)" in failed(model)[CHAIN]


def test_only_replaying_in_order_finds_a_state_that_goes_wrong_later(tmp_path: Path) -> None:
    """A model that is right for each set by itself, given the state recorded, but drifts by itself."""
    model = write_handed_over(tmp_path / "model", kind="stateful")

    def drift(proto: onnx.ModelProto) -> None:
        for node in proto.graph.node:
            node.output[:] = ["true_total" if name == "next_total" else name for name in node.output]
        proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.999995), "almost_one"))
        proto.graph.node.append(helper.make_node("Mul", ["true_total", "almost_one"], ["next_total"]))

    change_model(model, drift)
    run = GraphRun(model)
    for data in read_data_sets(model.parent):
        for name, value in run.run(data.inputs).items():
            scale = max(1, np.abs(data.outputs[name]).max())
            assert np.abs(value - data.outputs[name]).max() <= 1e-5 * scale, "each set alone is within the limit"
    found = failed(model)[CHAIN]
    assert found.startswith("first difference in test_data_set_"), found
    assert not found.startswith("first difference in test_data_set_0:")


def test_confused_states_are_named(tmp_path: Path) -> None:
    """Two states of one shape, as `hidden` and `cell` have."""
    model = write_handed_over(tmp_path / "model", kind="stateful")
    for data in list(read_data_sets(model.parent)):
        for side, tensors, names in (
            ("input", data.inputs, ["frames", "total", "twice"]),
            ("output", data.outputs, ["probabilities", "next_total", "next_twice"]),
        ):
            value = 2 * tensors[names[1]]
            path = model.parent / data.name / f"{side}_2.pb"
            path.write_bytes(numpy_helper.from_array(value, names[2]).SerializeToString())

    def add_state(proto: onnx.ModelProto, *, confused: bool) -> None:
        graph = proto.graph
        for values, old, new in ((graph.input, "total", "twice"), (graph.output, "next_total", "next_twice")):
            values.append(next(item for item in values if item.name == old))
            values[-1].name = new
        for node in graph.node:
            node.output[:] = ["true_total" if name == "next_total" else name for name in node.output]
        names = ["next_total", "next_twice"][:: -1 if confused else 1]
        graph.node.append(helper.make_node("Identity", ["true_total"], [names[0]]))
        graph.node.append(helper.make_node("Add", ["true_total", "true_total"], [names[1]]))
        facts = {entry.key: entry.value for entry in proto.metadata_props}
        helper.set_model_props(proto, facts | {"framestream.state_names": "total\ntwice"})

    shutil.copytree(model.parent, tmp_path / "right")
    change_model(tmp_path / "right" / "model.onnx", lambda proto: add_state(proto, confused=False))
    change_model(model, lambda proto: add_state(proto, confused=True))
    assert CHAIN not in failed(tmp_path / "right" / "model.onnx")
    assert "next_total[" in failed(model)[CHAIN]
    assert "(it holds what next_twice should)" in failed(model)[CHAIN]


def test_decisions_are_compared_where_tensors_may_differ(tmp_path: Path) -> None:
    model = write_handed_over(tmp_path / "model")
    facts = json.loads((model.parent / "vectors.json").read_text())
    (model.parent / "vectors.json").write_text(json.dumps(facts | {"limit": 0.4}))

    def swap_probabilities(proto: onnx.ModelProto) -> None:
        for node in proto.graph.node:
            node.output[:] = ["true_logits" if name == "logits" else name for name in node.output]
            node.input[:] = ["shifted" if name == "logits" else name for name in node.input]
        push = numpy_helper.from_array(np.array([-0.9, 0.9, 0], np.float32), "push")
        proto.graph.initializer.append(push)
        at = [node.op_type for node in proto.graph.node].index("Softmax")
        nodes = list(proto.graph.node)
        nodes.insert(at, helper.make_node("Add", ["true_logits", "push"], ["shifted"]))
        del proto.graph.node[:]
        proto.graph.node.extend(nodes)

    change_model(model, swap_probabilities)
    found = failed(model)[CHAIN]
    assert re.search(r"test_data_set_\d+: camera 0, frame 0 is green 0\.\d+, not (red|blue) 0\.", found), found


def test_vectors_that_contradict_themselves_are_refused(model: Path, cli: Cli) -> None:
    own = model.parent / "test_data_set_7" / "input_1.pb"
    state = onnx.load_tensor(str(own))
    own.write_bytes(numpy_helper.from_array(numpy_helper.to_array(state) + 1, state.name).SerializeToString())
    code, _, errors = cli("verify", model)
    assert (code, errors.count("\n")) == (1, 1)
    assert "test_data_set_7" in errors
    assert "is not what came out of test_data_set_6" in errors
    unknown = onnx.TensorProto(name=state.name, dims=[1], data_type=46, raw_data=b"0").SerializeToString()
    for content in (b"no tensor at all" * 9, unknown):
        own.write_bytes(content)
        assert "is no tensor" in cli("verify", model)[2]
    shutil.rmtree(own.parent)
    assert "lacks test_data_set_7" in cli("verify", model)[2]
    (model.parent / "vectors.json").write_text("{}")
    assert "vectors.json cannot be used" in cli("verify", model)[2]


def test_tensors_in_other_files_are_refused(model: Path) -> None:
    own = model.parent / "test_data_set_0" / "output_0.pb"
    tensor = onnx.load_tensor(str(own))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    own.write_bytes(tensor.SerializeToString())
    with pytest.raises(DataError, match="in another file"):
        verify(model)


def test_a_provider_that_is_not_here_is_refused(model: Path, cli: Cli) -> None:
    code, _, errors = cli("verify", model, "--provider", "NoSuchExecutionProvider")
    assert (code, errors.count("\n")) == (1, 1)
    assert "no provider 'NoSuchExecutionProvider' here; this ONNX Runtime has" in errors
    assert "CPUExecutionProvider" in errors
    with pytest.raises(ProviderError):
        GraphRun(model, provider="")


def test_another_provider_without_vectors_has_nothing_to_run(model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for suffix in (".onnx", ".json"):
        shutil.copy(model.with_suffix(suffix), alone)
    with pytest.raises(DataError, match="no golden vectors beside"):
        verify(alone / "model.onnx", provider="OtherExecutionProvider")
    assert failed(alone / "model.onnx") == {}


def test_vectors_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = (write_handed_over(tmp_path / name).parent for name in "ab")
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(names) > 100
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]


def test_the_sequences_that_try_most_are_chosen() -> None:
    frames = wandering_frames(4, 30)
    rows = np.zeros((4, 27, 3), np.float32)
    rows[:, :, 0] = 1
    rows[2, ::2] = [0, 1, 0]
    rows[3, ::3] = [0, 0.6, 0.4]
    chosen = choose_sequences(rows, frames, window=4, count=2)
    np.testing.assert_array_equal(chosen, frames[[2, 3], :24])
    assert choose_sequences(rows[:, :5], frames[:, :8], window=4).shape[:2] == (3, 8)


def test_pictures_show_how_frames_are_scaled(tmp_path: Path) -> None:
    spec = make_spec()
    assert write_pictures(spec, tmp_path) == 5
    sizes = set()
    for data in read_data_sets(tmp_path):
        picture, frame = data.inputs["picture"], data.outputs["frame"]
        sizes.add((np.sign(picture.shape[0] - spec.height), np.sign(picture.shape[1] - spec.width)))
        assert (frame.shape, frame.dtype) == ((spec.height, spec.width, 3), np.uint8)
        np.testing.assert_array_equal(fit_frame(picture[..., ::-1].copy(), size_wh=spec.size_wh), frame)
    assert {(1, 1), (-1, -1), (0, 0)} < sizes
    assert any(high * wide < 0 for high, wide in sizes)
    assert replay_pictures(tmp_path).passed
    wrong = tmp_path / "test_data_set_1" / "output_0.pb"
    frame = onnx.load_tensor(str(wrong))
    changed = numpy_helper.to_array(frame).copy()
    changed[0, 0, 0] ^= 64
    wrong.write_bytes(numpy_helper.from_array(changed, frame.name).SerializeToString())
    assert not replay_pictures(tmp_path).passed
    assert not replay_pictures(tmp_path / "test_data_set_0").passed, "no pictures are no proof"
