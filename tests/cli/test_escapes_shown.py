"""Names of files and metadata of models that would give orders to a terminal."""

import json
from pathlib import Path

import pytest

from framestream.cli.main import run
from framestream.escapes import CONTROLS
from tests.cli.test_errors_shown import failing_line
from tests.conftest import WriteVideo
from tests.tiny_model import make_spec, write_model

HOSTILE_NAME = "a\x1b]0;b\x07\r\x85\u202ec"


def check_shown(text: str) -> None:
    assert text
    assert not CONTROLS.search(text.replace("\n", ""))


def test_a_film_of_a_hostile_name(
    write_video: WriteVideo, model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = str(write_video(["red"] * 60, name=f"{HOSTILE_NAME}.avi"))
    assert run(["watch", film, "--model", str(model_path)]) == 0
    check_shown(capsys.readouterr().out)
    # Of many, each line begins with the name.
    assert run(["watch", film, film, "--model", str(model_path)]) == 0
    shown = capsys.readouterr()
    check_shown(shown.out)
    assert "a\\x1b]0;b\\x07\\r\\x85\\u202ec.avi" in shown.out
    assert run(["watch", film, film, "--model", str(model_path), "--format", "jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Programs are told the file's real name.
    assert {line["source"] for line in lines if line["type"] == "start"} == {film}


def test_errors_and_warnings_about_hostile_names(
    tmp_path: Path, model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_shown(failing_line(capsys, ["watch", str(tmp_path / f"{HOSTILE_NAME}.avi"), "--model", str(model_path)]))
    check_shown(failing_line(capsys, ["watch", "x", f"--{HOSTILE_NAME}"], code=2))
    check_shown(failing_line(capsys, ["info", str(tmp_path / f"{HOSTILE_NAME}.onnx")]))
    config = tmp_path / "cameras.toml"
    config.write_text('"a\\u001b[2J" = 1')
    check_shown(failing_line(capsys, ["watch", "--config", str(config), "--model", str(model_path)]))


@pytest.mark.parametrize("space", ["\xa0", "\u202f"])
def test_names_with_unusual_spaces_are_names(
    write_video: WriteVideo, tmp_path: Path, model_path: Path, space: str, capsys: pytest.CaptureFixture[str]
) -> None:
    films = [str(write_video(["red"] * 60, name=f"{number}{space}AM.avi")) for number in (1, 2)]
    assert run(["watch", *films, "--model", str(model_path)]) == 0
    shown = capsys.readouterr()
    assert sorted(line.partition("  ")[0] for line in shown.out.splitlines()) == [f"1{space}AM.avi", f"2{space}AM.avi"]
    # As it is, so that it can be copied.
    assert f"3{space}AM.avi: no such file" in failing_line(capsys, ["watch", str(tmp_path / f"3{space}AM.avi")])


def test_a_model_that_would_give_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hostile.onnx"
    spec = make_spec()
    write_model(path, spec, metadata=spec.to_metadata() | {"framestream.producer": f"x{HOSTILE_NAME}"})
    assert run(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    check_shown(shown)
    assert "x" + "a\\x1b]0;b\\x07" in shown
    labels = f"red\ngreen\nblue{HOSTILE_NAME}"
    write_model(path, spec, metadata=spec.to_metadata() | {"framestream.labels": labels, "framestream.background": ""})
    line = failing_line(capsys, ["info", str(path)])
    check_shown(line)
    assert "framestream.labels cannot be used" in line
    assert "control character" in line
