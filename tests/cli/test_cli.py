import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framestream import __version__
from framestream.cli.main import run
from tests.conftest import WriteVideo
from tests.promptness import check_prompt

# What `framestream` starts, without relying on where scripts are installed.
COMMAND = [sys.executable, "-m", "framestream.cli"]
FILM = ["blue"] * 60 + ["red"] * 60 + ["green"] * 45 + ["blue"] * 30


@pytest.fixture
def film(write_video: WriteVideo) -> str:
    return str(write_video(FILM))


def test_text_prints_one_line_per_event(film: str, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", film, "--model", str(model_path)]) == 0
    shown = capsys.readouterr()
    lines = [line.rsplit(maxsplit=1)[0] for line in shown.out.splitlines()]
    assert lines == ["00:02.00 – 00:04.00  red", "00:04.00 – 00:05.50  green"]
    assert shown.err == ""


def test_json_lines_carry_the_same_and_predictions_on_request(
    film: str, model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", film, "--model", str(model_path), "--format", "jsonl"]) == 0
    plain = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in plain] == ["start", "event", "event", "end"]
    assert run(["watch", film, "--model", str(model_path), "--format", "jsonl", "--predictions"]) == 0
    full = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line["type"] == "prediction" for line in full) == plain[-1]["predictions"] == 62
    assert [line for line in full if line["type"] == "event"] == plain[1:3]


def test_options_reach_the_detector(film: str, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = ["watch", film, "--model", str(model_path), "--device", "cpu", "--threads", "1"]
    assert run([*watch, "--min-seconds", "1.8"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert run([*watch, "--enter", "1", "--leave", "0.5"]) == 0
    assert capsys.readouterr().out == ""
    # Below the model's own leave, which is 0.4.
    assert run([*watch, "--enter", "0.3"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_info_shows_what_the_metadata_says(model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(model_path)]) == 0
    text = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert text["labels"] == "red, green, blue"
    assert text["state"] == "features 3 x 3"
    assert text["accuracy"] == "-"
    assert run(["info", str(model_path), "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["file_bytes"] == model_path.stat().st_size
    assert (facts["frame_rate"], facts["window_frames"], facts["window_seconds"]) == (10.0, 4, 0.4)
    assert (facts["provider"], facts["event_min_seconds"]) == ("CPUExecutionProvider", 0.2)
    assert set(facts) == set(text)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"]):
        assert run(arguments) == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in ("watch", "info", "train", "export", "verify"))
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"framestream {__version__}\n"
    assert run(["watch", "--help"]) == 0
    shown = capsys.readouterr().out
    options = ("--model", "--format", "--predictions", "--device", "--threads", "--enter", "--leave", "--min-seconds")
    live = ("--config", "--max-lag", "--stall-seconds", "--no-reconnect", "--image-rate", "--size", "--rate")
    assert all(option in shown for option in (*options, *live))


def test_ctrl_c_still_writes_the_end(model_path: Path, write_video: WriteVideo) -> None:
    # Some 300 KB of output do not fit into the pipe, so the process cannot finish before it is read, that is: before
    # the signal. Ten frames a second, so that every frame is a prediction.
    path = write_video(["red"] * 2500, fps=10.0)
    arguments = ["watch", str(path), "--model", str(model_path), "--format", "jsonl", "--predictions"]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal, even where these tests themselves run in the background and so ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first, *_ = [json.loads(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        # Not communicate(), which would lose what readline() has buffered.
        out, err = process.stdout.read(), process.stderr.read()
        process.wait(60)
        check_prompt(began)
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130
    assert err == ""
    assert first["type"] == "start"
    assert lines[-1]["type"] == "end"
    assert lines[-1]["interrupted"] is True
    assert lines[-1]["predictions"] == 49 + sum(line["type"] == "prediction" for line in lines) < 2497
    assert [line["label"] for line in lines if line["type"] == "event"] == ["red"]


def test_where_ctrl_c_is_ignored_it_stays_ignored(model_path: Path, write_video: WriteVideo) -> None:
    # As nohup and a shell's background jobs start it.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        " from framestream.cli.main import main; main()"
    )
    path = write_video(["red"] * 2500, fps=10.0)
    arguments = ["watch", str(path), "--model", str(model_path), "--format", "jsonl", "--predictions"]
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert lines[-1]["interrupted"] is False
    assert lines[-1]["predictions"] == 2497


@pytest.mark.parametrize("module", ["click", "onnxruntime"])
def test_ctrl_c_during_an_import_is_an_interruption(film: str, model_path: Path, module: str) -> None:
    program = f"""
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
signal.signal(signal.SIGINT, signal.default_int_handler)
from framestream.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "watch", film, "--model", str(model_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "error: interrupted")


def test_a_closed_stderr_is_no_error(film: str, model_path: Path) -> None:
    command = [*COMMAND, "watch", film, "--model", str(model_path)]
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 2


def test_a_reader_that_leaves_ends_the_watch_quietly(model_path: Path, write_video: WriteVideo) -> None:
    path = write_video(["red"] * 2500, fps=10.0)
    arguments = ["watch", str(path), "--model", str(model_path), "--predictions"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "00:00.30  red  1.00\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


def test_a_terminal_without_the_dash_gets_a_question_mark(film: str, model_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "watch", film, "--model", str(model_path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout.startswith(b"00:02.00 ? 00:04.00  red")


def test_a_damaged_file_is_played_with_a_warning(
    write_video: WriteVideo, model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_video(["red"] * 200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert run(["watch", str(path), "--model", str(model_path)]) == 0
    shown = capsys.readouterr()
    assert "red" in shown.out
    assert shown.err.startswith(f"warning: {path}: ")
    assert "of 200 declared frames" in shown.err
