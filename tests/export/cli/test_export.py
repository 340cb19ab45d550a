"""The commands as a user types them: the whole way once, bad input, and what they cost before they run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from framestream_export.encoders.building import build_encoder
from tests.export import toy
from tests.export.conftest import SMALL_MODEL, Cli


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def framestream(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "framestream.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_from_rendered_clips_to_events(rendered_clips: Path, tmp_path: Path) -> None:
    """render -> train -> export -> verify -> watch, each a command of its own."""
    run, model = tmp_path / "run", tmp_path / "model.onnx"
    trained = framestream("train", rendered_clips, "--output", run, *SMALL_MODEL, "--epochs", "12")
    assert trained.returncode == 0, trained.stderr
    assert "36 recordings (12 train, 12 validation, 12 test)" in trained.stderr
    assert len(re.findall(r"^epoch \d+/12  loss", trained.stderr, flags=re.MULTILINE)) == 12
    assert len(re.findall(r"^epoch \d+/12 of baseline  loss", trained.stderr, flags=re.MULTILINE)) == 1
    noise = [line for line in trained.stderr.splitlines() if "cpu_feature_guard" in line or line.startswith("I0000")]
    assert noise == [], "TensorFlow's own log"
    exported = framestream("export", run, "--output", model)
    assert exported.returncode == 0, exported.stderr
    assert exported.stderr == ""
    verified = framestream("verify", model, "--run", run)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    clip = sorted((rendered_clips / "test" / "jumping-jack").iterdir())[0]
    watched = framestream("watch", clip, "--model", model, "--format", "jsonl", "--predictions")
    assert watched.returncode == 0, watched.stderr
    records = [json.loads(line) for line in watched.stdout.splitlines()]
    kinds = [record["type"] for record in records]
    assert (kinds[0], kinds[-1]) == ("start", "end")
    assert records[-1]["predictions"] == kinds.count("prediction") > 10
    assert {record["label"] for record in records if record["type"] == "event"} == {"jumping-jack"}


def test_clip_shorter_than_a_window(tmp_path: Path, toy_clips: Path, cli: Cli) -> None:
    """Trained on and watched: one prediction each, by the same rule."""
    data = toy.write_class_folders(tmp_path / "data", per_class=5, frames=7)
    options = (
        "--encoder",
        "small",
        "--size",
        "16",
        "--window",
        "8",
        "--lstm-units",
        "4",
        "--feature-dim",
        "4",
        "--epochs",
        "1",
    )
    code, _, errors = cli("train", data, "--output", tmp_path / "run", *options)
    assert code == 0, errors
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert report["windows"] == report["segments"] > 0
    assert cli("export", tmp_path / "run", "--output", tmp_path / "m.onnx")[0] == 0
    clip = data / "idle" / "000.mp4"
    code, out, _ = cli("watch", clip, "--model", tmp_path / "m.onnx", "--format", "jsonl", "--predictions")
    assert code == 0
    assert [json.loads(line)["type"] for line in out.splitlines()].count("prediction") == 1


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "holds no clips"),
        (lambda folder: toy.write_class_folders(folder, per_class=1, frames=5), "too few to divide"),
        (lambda folder: (folder / "wave").mkdir() or (folder / "wave" / "a.mp4").touch(), r"one class only (wave)"),
        (
            lambda folder: toy.write_csv(folder / "manifest.csv", "path,label", [("gone.mp4", "wave")]),
            "manifest.csv, row 2: no file",
        ),
        (
            lambda folder: (
                (folder / "a.mp4").touch()
                or toy.write_csv(folder / "manifest.csv", "path,label,start,end", [("a.mp4", "wave", 2, 1)])
            ),
            "manifest.csv, row 2: end 1.0 is not after start 2.0",
        ),
    ],
    ids=["no clips", "too few", "one class", "unknown file", "inverted times"],
)
def test_bad_data_is_one_line(tmp_path: Path, cli: Cli, prepare, message: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    prepare(data)
    options = ("--encoder", "small", "--no-lstm", "--size", "16", "--feature-dim", "4", "--epochs", "1")
    code, out, errors = cli("train", data, "--output", tmp_path / "run", *options)
    lines = errors.strip().splitlines()
    assert (code, out) == (1, "")
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert str(data) in lines[-1]
    assert not any("Traceback" in line for line in lines)
    assert not (tmp_path / "run" / "run.json").exists()
    if message == "too few to divide":  # more clips, and the same command works
        toy.write_class_folders(data, per_class=4, frames=30, seed=1)
        assert cli("train", data, "--output", tmp_path / "run", *options)[0] == 0


def test_settings_are_refused_before_anything_is_read_or_written(tmp_path: Path, toy_clips: Path, cli: Cli) -> None:
    other = tmp_path / "other.weights.h5"
    build_encoder("small", size=16, feature_dim=4).save_weights(other)
    (tmp_path / "folder").mkdir()
    refused = [
        (["--encoder", "resnet9000"], "no encoder 'resnet9000'"),
        (["--encoder", "small", "--weights", "imagenet"], "no imagenet weights for small"),
        (["--weights", tmp_path / "gone.h5"], "no weights file"),
        (["--weights", tmp_path / "folder"], "is not a training run"),
        (["--encoder", "small", "--weights", other, "--size", "16", "--feature-dim", "5"], "does not hold the weights"),
    ]
    for options, message in refused:
        run, cache = tmp_path / "run", tmp_path / "cache"
        code, _, errors = cli("train", toy_clips, "--output", run, "--cache", cache, *options)
        assert (code, errors.count("\n")) == (1, 1), errors
        assert message in errors
        assert not run.exists()
        assert not cache.exists()


def test_what_is_no_run_and_no_model(tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("export", tmp_path, "--output", tmp_path / "m.onnx")
    assert (code, errors.count("\n")) == (1, 1)
    assert f"{tmp_path} is not a training run" in errors
    code, _, errors = cli("verify", tmp_path / "gone.onnx")
    assert (code, errors.count("\n")) == (1, 1)
    assert "gone.onnx: no such model file" in errors
    assert cli("train", tmp_path)[0] == 2
    assert cli("train", tmp_path, "--output", tmp_path / "run", "--kind", "gru")[0] == 2
    code, _, errors = cli("train", tmp_path, "--output", tmp_path / "run", "--window", "1")
    assert code == 1
    assert "window must be at least 2" in errors


@pytest.mark.parametrize(
    ("command", "blocked", "line"),
    [
        (["train", "data", "--output", "run"], "tensorflow", 'pip install "framestream[train]"'),
        (["export", "run", "--output", "m.onnx"], "tf2onnx", 'pip install "framestream[train]"'),
        (["evaluate", "m.onnx", "data"], "onnxruntime", 'pip install "framestream[cpu,train]"'),
        (["evaluate", "m.onnx", "data", "--format", "html"], "jinja2", 'pip install "framestream[train]"'),
        (["evaluate", "m.onnx", "data", "--format", "html"], "matplotlib", 'pip install "framestream[train]"'),
        (["verify", "m.onnx"], "onnxruntime", 'pip install "framestream[cpu,train]"'),
        (["verify", "m.onnx", "--run", "run"], "tensorflow", 'pip install "framestream[train]"'),
    ],
)
def test_without_the_extra(command: list[str], blocked: str, line: str) -> None:
    done = python(
        f"import sys; sys.modules[{blocked!r}] = None\nfrom framestream.cli.main import run\nsys.exit(run({command!r}))"
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {blocked} is not installed; run: {line}\n"


def test_help_costs_nothing() -> None:
    heavy = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "matplotlib", "jinja2", "rich")
    done = python(
        "import sys\nfrom framestream.cli.main import run\n"
        "code = max(run(['--help']), run(['train', '--help']), run(['export', '--help']), run(['verify', '--help']))\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    for name in ("train", "export", "verify"):
        assert f"\n  {name} " in done.stdout


def test_verify_without_a_run_needs_no_tensorflow() -> None:
    done = python(
        "import sys\nimport framestream_export.verification.verifier\n"
        "print([n for n in ('tensorflow', 'keras') if n in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr
