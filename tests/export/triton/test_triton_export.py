"""From a run to a repository that Triton can load, through the command line; a fake server tests the rest elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.conftest import Cli, Trained


def test_a_run_becomes_a_model_of_a_repository(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("tritonclient.grpc", exc_type=ImportError)
    from tests.consumers.fake_triton import load

    models = tmp_path / "models"
    code, out, errors = cli("export", trained.run, "--triton", models)
    assert (code, errors) == (0, "")
    assert f"{models / 'run'}: serve it with `tritonserver --model-repository={models}`" in out
    assert (models / "run" / "1" / "model.onnx").read_bytes() == trained.model.read_bytes()
    config, _ = load(models, "run")
    states = {state.input_name for state in config.sequence_batching.state}
    kind = config.parameters["framestream.kind"].string_value
    assert states == ({"features"} if kind == "window" else {"hidden", "cell"})
    # Again, now beside a file of its own: the same model, in place of the first.
    code, _, errors = cli("export", trained.run, "--triton", models, "--output", tmp_path / "m.onnx", "--enter", "0.7")
    assert (code, errors) == (0, "")
    assert (models / "run" / "1" / "model.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()
    assert load(models, "run")[0].parameters["framestream.event_enter"].string_value == "0.7"


def test_an_export_must_write_something(tmp_path: Path, cli: Cli) -> None:
    code, out, errors = cli("export", tmp_path)
    assert (code, out) == (2, "")
    assert "give --output MODEL.onnx" in errors
    assert "--triton DIR" in errors
