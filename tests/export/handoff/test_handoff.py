"""The hand-off folder: all that somebody without FrameStream needs, twice the same, and proof against lies."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from framestream.cli.main import run as run_cli
from framestream.model.model_file import DIGEST_KEY
from framestream.model.session import ModelSession
from framestream_export.exporting.exporter import ort_bytes
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.seal import sidecar_of_bytes
from framestream_export.handoff.inspection import inspect_handoff, sums_of
from framestream_export.verification.tensor_files import read_data_sets
from tests.export.conftest import Cli, Trained
from tests.export.handed_over import change_model

EPOCH = "1700000000"


@pytest.fixture(scope="module")
def run(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of our own: a hand-off keeps things in it."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(trained.run, folder)
    return folder


@pytest.fixture(scope="module")
def handed_over(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all variants that are good enough; read only."""
    folder = tmp_path_factory.mktemp("handoff") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        assert run_cli(["export", str(run), "--handoff", str(folder), "--max-drop", "100"]) == 0
    return folder


def variants_in(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/vectors.json")}


def failed(folder: Path, **options: object) -> dict[str, str]:
    found = inspect_handoff(folder, **options)  # type: ignore[arg-type]
    return {f"{title}: {check.name}": check.measured for title, checks in found for check in checks if not check.passed}


def test_the_folder_is_whole_and_verify_agrees(handed_over: Path, trained: Trained, cli: Cli) -> None:
    assert variants_in(handed_over) >= {"float32", "float16", "static", "no-lstm-op", "ort"}
    assert {path.name for path in handed_over.iterdir() if path.is_file()} == {
        *("README.md", "MODEL_CARD.md", "labels.txt", "confusion_matrix.png", "SHA256SUMS"),
    }
    assert (handed_over / "labels.txt").read_text().splitlines() == ["fall", "idle", "jumping-jack"]
    assert failed(handed_over) == {}
    code, out, errors = cli("verify", handed_over / "static")
    assert code == 0, out + errors
    assert (handed_over / "float32" / "model.onnx").read_bytes() == trained.model.read_bytes()


def test_sums_are_those_of_sha256sum(handed_over: Path) -> None:
    lines = (handed_over / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ", 1)) for line in lines)
    files = [path for path in handed_over.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    assert listed == {
        path.relative_to(handed_over).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_golden_predictions_are_those_of_keras(handed_over: Path, trained: Trained) -> None:
    """The vectors come from the ONNX file; this holds them against the network that was trained."""
    finished = FinishedRun.read(trained.run)
    facts = json.loads((handed_over / "float32" / "vectors.json").read_text())
    sets = {data.number: data for data in read_data_sets(handed_over / "float32")}
    spec = ModelSession(handed_over / "float32" / "model.onnx", device="cpu").spec
    for stream in facts["sequences"]:
        parts = [sets[number] for number in stream["sets"]]
        frames = np.concatenate([data.inputs["frames"] for data in parts], axis=1)
        rows = np.concatenate([data.outputs["probabilities"] for data in parts], axis=1)
        expected = finished.model.predictions(frames)
        np.testing.assert_allclose(rows[:, spec.window - 1 :], expected, atol=1e-4)
        assert np.ptp(expected) > 0.5, "predictions that do not vary prove nothing"


@pytest.mark.parametrize("trained", ["window"], indirect=True)  # of the other kind's variants another test says it
def test_the_same_run_gives_the_same_bytes(
    handed_over: Path, run: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    assert cli("export", run, "--handoff", tmp_path / "again", "--max-drop", "100")[0] == 0
    assert (tmp_path / "again" / "SHA256SUMS").read_text() == (handed_over / "SHA256SUMS").read_text()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    code, _, errors = cli("export", run, "--handoff", tmp_path / "third")
    assert (code, errors.count("\n")) == (1, 1)
    assert "SOURCE_DATE_EPOCH is 'yesterday'" in errors


def test_the_card_states_what_was_measured(handed_over: Path, run: Path) -> None:
    card = (handed_over / "MODEL_CARD.md").read_text()
    record = json.loads((run / "run.json").read_text())
    speed = json.loads((run / "speed.json").read_text())
    assert f"sha256:{record['fingerprint']}" in card
    assert f"{100 * record['test']['accuracy']:.1f} %" in card
    assert "2023-11-14T22:13:20+00:00" in card
    assert speed["machine"] in card
    for label, values in record["test"]["per_class"].items():
        assert re.search(rf"^\| `{label}` \|.*\| {values['support']} \|$", card, flags=re.MULTILINE)
    for name in variants_in(handed_over):
        (model,) = handed_over.glob(f"{name}/model.o*")
        sidecar = json.loads(model.with_suffix(".json").read_text())
        assert f"| `{name}/{model.name}` | `{sidecar['framestream.digest']}` |" in card
        assert f"{float(sidecar['framestream.variant_parity']):.1e}" in card
        assert f"| {name} | {speed['files'][name]['frame_ms']['1']:.2f} |" in card
    assert "![Confusion matrix" in card
    assert (handed_over / "confusion_matrix.png").read_bytes()[:4] == b"\x89PNG"
    assert "of the data set's own recordings" in card
    assert str(run) not in card + (handed_over / "README.md").read_text(), "paths of this machine say nothing there"


def test_the_program_in_the_readme_replays_every_variant(handed_over: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", (handed_over / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert "framestream" not in code
    (tmp_path / "replay.py").write_text(code)
    for name in variants_in(handed_over):
        command = [sys.executable, str(tmp_path / "replay.py"), str(handed_over / name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == len(list((handed_over / name).glob("test_data_set_*"))) >= 24
        assert all(float(line.rpartition(" ")[2]) < 1e-5 for line in lines)


def test_fixed_shapes_have_vectors_that_fit(handed_over: Path) -> None:
    for data in read_data_sets(handed_over / "static"):
        assert data.inputs["frames"].shape[:2] == (1, 1)


@pytest.mark.parametrize("path", ["float32/model.onnx", "float32/test_data_set_3/output_0.pb", "README.md"])
def test_whatever_is_changed_is_found(handed_over: Path, tmp_path: Path, path: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(handed_over, copy)
    content = bytearray((copy / path).read_bytes())
    content[-1] ^= 1
    (copy / path).write_bytes(content)
    assert _sums_line(copy) == f"{path}: changed"
    (copy / path).write_bytes((handed_over / path).read_bytes())
    (copy / "more.txt").write_text("more")
    assert _sums_line(copy) == "more.txt: not in the list"
    (copy / "more.txt").unlink()
    (copy / "labels.txt").unlink()
    assert _sums_line(copy) == "labels.txt: missing"


def redo_sums(folder: Path) -> None:
    sums = "".join(f"{digest}  {path}\n" for path, digest in sums_of(folder).items())
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def test_labels_of_another_model_are_found(handed_over: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(handed_over, copy)
    (copy / "labels.txt").write_text("idle\nfall\njumping-jack\n")
    redo_sums(copy)
    name = "copy: variants and labels.txt: of one model"
    assert failed(copy) == {name: "float16 has another value of labels"}
    (copy / "labels.txt").unlink()
    redo_sums(copy)
    assert "cannot be read" in failed(copy)[name]


def test_a_variant_that_cannot_be_used_hides_no_other(handed_over: Path, tmp_path: Path, cli: Cli) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(handed_over, copy)
    model = copy / "float32" / "model.onnx"
    proto = onnx.load(model)
    last = proto.graph.output[-1]
    for node in proto.graph.node:
        node.output[:] = ["next_state" if name == last.name else name for name in node.output]
    last.name = "next_state"
    onnx.save(proto, model)
    found = failed(copy)
    assert found["copy: files as in SHA256SUMS"] == "float32/model.onnx: changed"
    assert "the contract asks for" in found["float32: can be used"]
    assert "the file was changed after it was exported" in found["float32: can be used"]
    assert len(found) == 2, "the others are as they were"
    code, out, _ = cli("verify", copy)
    assert code == 1
    assert out.count("FAIL") == 2


def test_an_ort_file_with_another_graph_is_found(handed_over: Path, tmp_path: Path) -> None:
    """An .ort file cannot be parsed, so the nodes that run are counted."""
    copy = tmp_path / "copy"
    shutil.copytree(handed_over / "ort", copy)
    facts = json.loads((copy / "model.json").read_text())
    facts = {key: value for key, value in facts.items() if key != DIGEST_KEY}
    content = ort_bytes(onnx.load(handed_over / "no-lstm-op" / "model.onnx"), facts)
    (copy / "model.ort").write_bytes(content)
    (copy / "model.json").write_text(sidecar_of_bytes(facts, content))
    assert failed(copy)["copy: graph: names, one LSTM, no control flow"].endswith("nodes ran, 0 of them LSTM")


def _sums_line(folder: Path) -> str:
    _, checks = next(inspect_handoff(folder))
    (check,) = (check for check in checks if check.name == "files as in SHA256SUMS")
    assert not check.passed
    return check.measured


@pytest.mark.parametrize("trained", ["stateful"], indirect=True)  # one state cannot be confused with another
def test_confused_states_are_named(handed_over: Path, tmp_path: Path) -> None:
    """`hidden` and `cell` swapped, digest and sidecar made anew: only the golden vectors show it."""
    copy = tmp_path / "copy"
    shutil.copytree(handed_over / "float32", copy)
    outputs = [value.name for value in onnx.load(copy / "model.onnx").graph.output][1:]

    def swap(model: onnx.ModelProto) -> None:
        other = dict(zip(outputs, reversed(outputs), strict=True))
        for node in model.graph.node:
            node.output[:] = [other.get(name, name) for name in node.output]

    change_model(copy / "model.onnx", swap)
    found = failed(copy)["copy: golden vectors: one camera, frame by frame"]
    assert found.startswith("first difference in test_data_set_0: next_hidden[")
    assert "(it holds what next_cell should)" in found


def test_drawn_vectors_hold_no_pictures_of_the_run(run: Path, tmp_path: Path, cli: Cli) -> None:
    options = ["--variants", "float32", "--drawn-vectors"]
    code, out, _ = cli("export", run, "--handoff", tmp_path / "drawn", *options)
    assert code == 0
    assert "pictures" not in out
    assert "own recordings" not in (tmp_path / "drawn" / "MODEL_CARD.md").read_text()
    real = {frame.tobytes() for sequence in FinishedRun.read(run).frames for frame in sequence}
    for data in read_data_sets(tmp_path / "drawn" / "float32"):
        assert not real & {frame.tobytes() for camera in data.inputs["frames"] for frame in camera}
    assert failed(tmp_path / "drawn") == {}


def test_a_variant_that_is_refused_is_left_out_and_named(trained: Trained, run: Path, tmp_path: Path) -> None:
    from framestream.errors import ModelError
    from framestream_export.exporting.exporter import Exporter
    from framestream_export.handoff.writing import write_handoff

    exporter = Exporter(run)

    def export(name: str, path: Path) -> object:
        if name == "static":
            raise ModelError(f"{path} loses | too `much`")
        return exporter.write(path, name)

    output = tmp_path / "out"
    done = write_handoff(run, output, variants=["static", "no-lstm-op"], export_variant=export)
    assert done.variants == ("float32", "no-lstm-op")
    assert variants_in(output) == {"float32", "no-lstm-op"}
    assert not (output / "static").exists()
    assert "`static` is not here: static/model.onnx loses / too 'much'" in (output / "MODEL_CARD.md").read_text()
    assert failed(output) == {}


def test_places_that_cannot_be_written(run: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for output, message in ((tmp_path / "full", "is not empty"), (tmp_path / "full" / "mine", "is not empty")):
        code, _, errors = cli("export", run, "--handoff", output)
        assert (code, errors.count("\n")) == (1, 1)
        assert message in errors
    code, _, errors = cli("export", run, "--handoff", tmp_path / "out", "--variants", "float32,float8")
    assert (code, errors.count("\n")) == (1, 1)
    assert "no variant 'float8'" in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"], "nothing is left of a failure"
    assert cli("export", run)[0] == 2


def test_what_is_no_handoff_folder(tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("verify", tmp_path)
    assert (code, errors.count("\n")) == (1, 1)
    assert f"{tmp_path} is no hand-off folder" in errors


def test_variants_are_compared_on_a_video(
    handed_over: Path, trained: Trained, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    film = sorted((trained.data / "test" / "jumping-jack").iterdir())[0]
    model = handed_over / "float32" / "model.onnx"
    for name in ("float16/model.onnx", "static/model.onnx", "ort/model.ort"):
        code, out, errors = cli("verify", model, "--against", handed_over / name, "--video", film)
        assert code == 0, out + errors
        assert "events" in out
    other = tmp_path / "other.onnx"
    for suffix in (".onnx", ".json"):
        shutil.copy(model.with_suffix(suffix), other.with_suffix(suffix))

    def turn(proto: onnx.ModelProto) -> None:
        bias = next(tensor for tensor in proto.graph.initializer if tensor.name == "dense/bias")
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([9, 0, 0], np.float32), "dense/bias"))

    change_model(other, turn)
    code, out, _ = cli("verify", model, "--against", other, "--video", film)
    assert code == 1
    assert "FAIL" in out
    assert re.search(r"the first at \d\.\d\d s: jumping-jack 0\.\d+, and the other fall", out), out
    assert "the first other one: jumping-jack" in out
    assert cli("verify", model, "--against", other)[0] == 2
    assert cli("verify", model, "--video", film)[0] == 2
    change_model(other, _relabel)
    code, _, errors = cli("verify", model, "--against", other, "--video", film)
    assert (code, errors.count("\n")) == (1, 1)
    assert "has labels a, b, c" in errors


def _relabel(proto: onnx.ModelProto) -> None:
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    new = facts | {"framestream.labels": "a\nb\nc", "framestream.background": ""}
    onnx.helper.set_model_props(proto, new)
