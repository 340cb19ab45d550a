"""Run folders that were copied by halves: one line that names the file, never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.export.conftest import Cli

OPTIONS = (
    *("--encoder", "small", "--size", "16", "--window", "8"),
    *("--no-lstm", "--feature-dim", "4", "--epochs", "1"),
)


CHECKPOINTS = ("checkpoints/network-last.npz", "checkpoints/network-best.npz")


@pytest.fixture(scope="module")
def finished(toy_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from framestream.cli.main import run

    folder = tmp_path_factory.mktemp("damaged")
    options = [*OPTIONS, "--cache", str(folder / "cache")]
    assert run(["train", str(toy_clips), "--output", str(folder / "run"), *options]) == 0
    return folder / "run"


def assert_one_line(code: int, errors: str, *words: str) -> None:
    last = errors.strip().splitlines()[-1]
    assert code == 1, errors
    assert "Traceback" not in errors
    assert last.startswith("error: ")
    assert all(word in last for word in words), last


@pytest.mark.parametrize("share", [0.0, pytest.param(0.5, marks=pytest.mark.long)])
def test_damaged_files_are_named(finished: Path, toy_clips: Path, tmp_path: Path, cli: Cli, share: float) -> None:
    for name in ("encoder.keras", "head.keras", "parity_frames.npy", *CHECKPOINTS):
        run = tmp_path / name.replace("/", "-")
        shutil.copytree(finished, run)
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: int(share * len(content))])
        if name == "encoder.keras":
            code, _, errors = cli("train", toy_clips, "--output", tmp_path / "new", "--weights", run, *OPTIONS)
            assert_one_line(code, errors, str(run / name), "cannot be read")
        if "checkpoints" in name:
            (run / "head.keras").unlink()  # so that there is something to resume
            code, _, errors = cli("train", toy_clips, "--output", run, "--resume")
            assert_one_line(code, errors, str(run / name), f"delete {run / 'checkpoints'} to start")
            shutil.rmtree(run / "checkpoints")
        else:
            code, _, errors = cli("export", run, "--output", tmp_path / "m.onnx")
            assert_one_line(code, errors, str(run / name), "delete it and resume")
            (run / name).unlink()
        if share:  # what the error says helps
            assert cli("train", toy_clips, "--output", run, "--resume")[0] == 0
            assert (run / name).read_bytes()


def test_a_record_without_its_facts_is_refused(finished: Path, toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(finished / "encoder.keras", run)
    record = json.loads((finished / "run.json").read_text())
    del record["settings"]
    (run / "run.json").write_text(json.dumps(record))
    for command in (
        ("export", run, "--output", tmp_path / "m.onnx"),
        ("train", toy_clips, "--output", run, "--resume"),
        ("train", toy_clips, "--output", tmp_path / "new", "--weights", run, *OPTIONS),
    ):
        code, _, errors = cli(*command)
        assert_one_line(code, errors, "run.json lacks settings")
