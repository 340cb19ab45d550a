"""Footage, and trained models that are shared by the tests because training takes seconds."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from framestream.cli.main import run as run_cli
from tests.export import toy
from tests.made_once import made_once

ROOT = Path(__file__).resolve().parents[2]
RENDERED_LABELS = ("fall", "idle", "jumping-jack")

# Small enough to train in seconds, large enough to learn the clips below by heart.
SMALL_MODEL = (
    *("--encoder", "small"),
    *("--size", "48", "--window", "12", "--lstm-units", "24", "--feature-dim", "32"),
    *("--learning-rate", "0.003", "--batch-size", "4", "--patience", "99"),
)

Cli = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Trained:
    """A run and the model exported from it."""

    data: Path
    run: Path
    model: Path


_LIBRARY_LOG = re.compile(r"[IW]\d{4} \d\d:\d\d:")


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in this process: exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run_cli([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        # Where gRPC was imported before TensorFlow, in this process, TensorFlow's own log is no longer silent.
        messages = [line for line in captured.err.splitlines(keepends=True) if not _LIBRARY_LOG.match(line)]
        return code, captured.out, "".join(messages)

    return call


@pytest.fixture
def silent() -> Console:
    """A console that nobody reads."""
    return Console(quiet=True)


@pytest.fixture(scope="session")
def toy_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of short clips; read only."""
    return toy.write_class_folders(tmp_path_factory.mktemp("toy") / "clips", per_class=6)


@pytest.fixture(scope="session")
def rendered_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered people, with a manifest by which a model is judged on copies of the clips it was trained on.

    A dozen clips cannot teach what a fall is. They can be learnt by heart, and then the probabilities are far from
    uniform, which is all that comparing Keras with ONNX needs.
    """
    return made_once(tmp_path_factory, "rendered-clips", _render_clips)


def _render_clips(folder: Path) -> None:
    render = [sys.executable, str(ROOT / "samples" / "render.py"), "clips", str(folder), "--per-class", "4"]
    subprocess.run([*render, "--seed", "5", "--labels", *RENDERED_LABELS], check=True, capture_output=True)
    with (folder / "manifest.csv").open(newline="") as stream:
        clips = [(row["path"], row["label"]) for row in csv.DictReader(stream)]
    assert len(clips) == 12
    rows: list[tuple[object, ...]] = []
    for split in ("train", "validation", "test"):
        for path, label in clips:
            copy = folder / split / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / path, copy)
            rows.append((f"{split}/{path}", label, split))
    toy.write_csv(folder / "manifest.csv", "path,label,split", rows)


@pytest.fixture(scope="session")
def train_kind(rendered_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trained]:
    """Train and export a model of a kind through the command line, once for all tests."""

    def train(kind: str) -> Trained:
        def make(folder: Path) -> None:
            options = ["--kind", kind, *SMALL_MODEL, "--epochs", "30", "--cache", str(rendered_clips / "cache")]
            assert run_cli(["train", str(rendered_clips), "--output", str(folder / "run"), *options]) == 0
            assert run_cli(["export", str(folder / "run"), "--output", str(folder / "model.onnx")]) == 0

        folder = made_once(tmp_path_factory, f"trained-{kind}", make)
        return Trained(rendered_clips, folder / "run", folder / "model.onnx")

    return train


# Of each module: a fixture of the session would be made anew each time the kind changes, module by module.
@pytest.fixture(scope="module", params=["window", "stateful"])
def trained(request: pytest.FixtureRequest, train_kind: Callable[[str], Trained]) -> Trained:
    """A model of each kind; read only."""
    return train_kind(request.param)
