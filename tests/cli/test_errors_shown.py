"""Bad input: one line on stderr that says what, where and what to do; exit 1 (2 for wrong usage); no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from framestream.cli.main import run
from tests.conftest import WriteVideo
from tests.model.test_session import write_other_model
from tests.tiny_model import SIZE, make_spec, write_model


def failing_line(capsys: pytest.CaptureFixture[str], arguments: list[str], *, code: int = 1) -> str:
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err
    return shown.err


@pytest.fixture
def film(write_video: WriteVideo) -> str:
    return str(write_video(["red"] * 30))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.mp4", None, ["missing.mp4", "no such file", "check the path"]),
        ("empty.mp4", b"", ["empty.mp4 is empty", "check"]),
        ("text.mp4", b"this is text" * 99, ["text.mp4 is not a video", "check"]),
        (".", None, ["images carry no times", "--image-rate", "give one video file"]),
        ("notes.txt", b"this is text" * 99, ["notes.txt is not a video", "check"]),
        ("x" * 300, None, ["cannot be opened", "name too long", "check"]),
    ],
    ids=["missing", "empty", "text", "directory", "notes", "long name"],
)
def test_bad_sources(
    tmp_path: Path,
    model_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    words: list[str],
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    line = failing_line(capsys, ["watch", str(path), "--model", str(model_path)])
    assert [word for word in words if word not in line] == []


def test_an_address_does_not_show_its_password(model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Port 9 (discard) is nobody's.
    address = "rtsp://me:secret@127.0.0.1:9/1"
    line = failing_line(capsys, ["watch", address, "--model", str(model_path), "--no-reconnect"])
    assert "secret" not in line
    assert "rtsp://127.0.0.1:9: " in line


@pytest.mark.shared
@pytest.mark.parametrize("name", ["audio_only.mp4", "zero_frames_fragmented.mp4", "truncated_no_moov.mp4"])
def test_awkward_files(odd_videos: Path, name: str, model_path: Path) -> None:
    # A process of its own, since FFmpeg would print past Python, and reads once how much it may print.
    arguments = ["watch", str(odd_videos / name), "--model", str(model_path)]
    done = subprocess.run(
        [sys.executable, "-m", "framestream.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert name in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["watch", "info"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.onnx", ["missing.onnx", "no such model file"]),
        ("folder.onnx", ["folder.onnx is a directory"]),
        ("text.onnx", ["text.onnx is not an ONNX model", "export"]),
        ("bare.onnx", ["bare.onnx has no FrameStream metadata", "framestream.spec_version", "framestream export"]),
        ("key.onnx", ["key.onnx lacks the metadata key framestream.frame_rate", "export"]),
        ("inputs.onnx", ["inputs.onnx", "inputs are image", "frames, features", "framestream export"]),
        ("size.onnx", ["size.onnx", "frames is tensor(uint8)", "16"]),
    ],
)
def test_bad_models(
    tmp_path: Path, film: str, capsys: pytest.CaptureFixture[str], command: str, name: str, words: list[str]
) -> None:
    import dataclasses

    from onnx import TensorProto

    metadata = make_spec().to_metadata()
    del metadata["framestream.frame_rate"]
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "text.onnx").write_text("this is text")
    write_model(tmp_path / "bare.onnx", metadata={"author": "somebody"})
    write_model(tmp_path / "key.onnx", metadata=metadata)
    write_other_model(tmp_path / "inputs.onnx", {"image": (TensorProto.FLOAT, [1, 3, SIZE, SIZE])})
    write_model(tmp_path / "size.onnx", dataclasses.replace(make_spec(), height=16))
    model = str(tmp_path / name)
    line = failing_line(capsys, ["watch", film, "--model", model] if command == "watch" else ["info", model])
    assert [word for word in words if word not in line] == []


def test_a_device_that_is_not_there(film: str, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    line = failing_line(capsys, ["watch", film, "--model", str(model_path), "--device", "cuda"])
    assert "CPUExecutionProvider" in line
    assert 'pip install "framestream[gpu]"' in line
    assert "--device cpu" in line


def test_no_onnxruntime(film: str, model_path: Path) -> None:
    blocked = "import sys; sys.modules['onnxruntime'] = None; from framestream.cli.main import run; sys.exit(run())"
    for arguments in (["watch", film, "--model", str(model_path)], ["info", str(model_path)]):
        done = subprocess.run(
            [sys.executable, "-c", blocked, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: ONNX Runtime cannot be imported")
        assert 'pip install "framestream[cpu]"' in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--enter", "1.5"],
        ["--enter", "0"],
        ["--leave", "-1"],
        ["--min-seconds", "-0.1"],
        ["--min-seconds", "nan"],
        ["--enter", "nan"],
        ["--leave", "nan"],
        ["--threads", "0"],
        ["--threads", "257"],
        ["--max-lag", "nan"],
        ["--max-lag", "inf"],
        ["--max-lag", "-1"],
        ["--stall-seconds", "inf"],
        ["--image-rate", "nan"],
        ["--rate", "inf"],
        ["--max-lag", "0"],
        ["--stall-seconds", "-1"],
        ["--size", "640"],
        ["--size", "0x480"],
        ["--threads", "many"],
        ["--device", "tpu"],
        ["--format", "xml"],
        ["--unknown", "1"],
    ],
)
def test_wrong_usage_ends_with_2(film: str, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    line = failing_line(capsys, ["watch", film, *arguments], code=2)
    assert arguments[0] in line
    assert "framestream watch --help" in line


@pytest.mark.parametrize("arguments", [["watch"], ["unknown"], ["watch", "a", "--config", "b"]])
def test_wrong_command_lines_end_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "--help`" in failing_line(capsys, arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--enter", "0.3", "--leave", "0.4"], ["enter 0.3", "leave is 0.4"]),
        (["--leave", "0.9"], ["leave is 0.9", "enter 0.6"]),
    ],
)
def test_settings_that_contradict_each_other(
    film: str, model_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    line = failing_line(capsys, ["watch", film, "--model", str(model_path), *arguments])
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("redirection", "words"),
    [
        (">/dev/full", ["No space left on device", "check"]),
        (">&-", ["stdout is closed", "redirect it"]),
    ],
)
@pytest.mark.parametrize("format_name", ["text", "jsonl"])
def test_an_output_that_cannot_be_written(
    film: str, model_path: Path, format_name: str, redirection: str, words: list[str]
) -> None:
    command = [sys.executable, "-m", "framestream.cli", "watch", film, "--model", str(model_path)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command, "--format", format_name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert [word for word in words if word not in done.stderr] == []


def test_a_model_that_fails_midway(tmp_path: Path, write_video: WriteVideo, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "fragile.onnx", fails_from=200)
    film = write_video(["black"] * 90 + ["red"] * 90)
    line = failing_line(capsys, ["watch", str(film), "--model", str(tmp_path / "fragile.onnx")])
    assert "fragile.onnx failed on frames" in line
