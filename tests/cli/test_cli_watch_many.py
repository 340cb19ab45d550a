"""`framestream watch` with several sources, a file of cameras, and signals."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from framestream import Classifier, End, Event, EventSettings, LiveSettings, SourceOptions, Watch
from framestream.cli.camera_file import read_cameras
from framestream.cli.cameras import CameraReloader
from framestream.cli.main import run
from tests.cli.test_camera_file import HOSTILE
from tests.cli.test_errors_shown import failing_line
from tests.conftest import WriteVideo, write_video_file
from tests.promptness import check_prompt

COMMAND = [sys.executable, "-m", "framestream.cli", "watch"]
FILM = ["blue"] * 60 + ["red"] * 60 + ["green"] * 45 + ["blue"] * 30


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def of_camera(lines: list[dict[str, Any]], name: str, kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("camera") == name and line["type"] == kind]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with two short films, and one long enough to outlast a pipe that nobody reads."""
    write_video_file(tmp_path / "first.avi", FILM)
    write_video_file(tmp_path / "second.avi", ["red"] * 60)
    write_video_file(tmp_path / "long.avi", ["red"] * 2500, fps=10.0)
    return tmp_path


def test_lines_begin_with_the_source(films: Path, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", str(films / "first.avi"), str(films / "second.avi"), "--model", str(model_path)]) == 0
    shown = capsys.readouterr()
    assert sorted(line.rsplit(maxsplit=1)[0] for line in shown.out.splitlines()) == [
        "first.avi  00:02.00 – 00:04.00  red",
        "first.avi  00:04.00 – 00:05.50  green",
        "second.avi  00:00.00 – 00:02.00  red",
    ]
    assert shown.err == ""


def test_sources_of_one_name_are_told_apart(films: Path, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (films / "other").mkdir()
    write_video_file(films / "other" / "second.avi", ["green"] * 60)
    same = [str(films / "second.avi"), str(films / "second.avi"), str(films / "other" / "second.avi")]
    assert run(["watch", *same, "--model", str(model_path), "--format", "jsonl"]) == 0
    lines = rows(capsys.readouterr().out)
    labels = {line["camera"]: line["label"] for line in lines if line["type"] == "event"}
    assert labels == {same[0]: "red", f"{same[0]}#2": "red", same[2]: "green"}


def test_a_file_names_the_cameras(films: Path, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = films / "cameras.toml"
    config.write_text(
        """
        [[camera]]
        name = "strict"
        url = "first.avi"
        min_seconds = 1.8

        [[camera]]
        name = "zoned"
        url = "first.avi"
        zones = [{ name = "left", box = [0, 0, 0.5, 1] }, { name = "right", box = [0.5, 0, 1, 1] }]
        """
    )
    assert run(["watch", "--config", str(config), "--model", str(model_path), "--format", "jsonl"]) == 0
    lines = rows(capsys.readouterr().out)
    assert [line["label"] for line in of_camera(lines, "strict", "event")] == ["red"]
    zoned = [(line["zone"], line["label"]) for line in of_camera(lines, "zoned", "event")]
    assert sorted(zoned) == [("left", "green"), ("left", "red"), ("right", "green"), ("right", "red")]
    for name in ("strict", "zoned"):
        assert [line["state"] for line in of_camera(lines, name, "status")] == ["connecting", "live", "ended"]
        (end,) = of_camera(lines, name, "end")
        assert end["frames_read"] == 195 == end["frames_sampled"] + end["frames_skipped"]


def test_one_source_that_fails_is_an_error_after_what_the_others_say(
    films: Path, model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(films / "missing.avi")
    assert run(["watch", missing, str(films / "second.avi"), "--model", str(model_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "second.avi  00:00.00 – 00:02.00  red  1.00\n"
    assert shown.err.splitlines() == [
        f"missing.avi  failed: {missing}: no such file; check the path",
        f"error: 1 of 2 sources failed; the first: {missing}: no such file; check the path",
    ]


def test_a_broken_file_is_an_error(tmp_path: Path, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "cameras.toml"
    config.write_text("[[camera]]\nname = 'door'\n")
    line = failing_line(capsys, ["watch", "--config", str(config), "--model", str(model_path)])
    assert "cameras.toml: camera 1 has no url" in line


def test_images_and_raw_frames_are_sources(
    tmp_path: Path, model_path: Path, write_video: WriteVideo, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    from tests.conftest import colour_image

    for number in range(20):
        cv2.imwrite(str(tmp_path / f"{number}.png"), colour_image("red"))
    for source in (str(tmp_path), str(tmp_path / "*.png")):
        assert run(["watch", source, "--image-rate", "10", "--model", str(model_path)]) == 0
        assert capsys.readouterr().out == "00:00.00 – 00:02.00  red  1.00\n"
    raw = colour_image("red").tobytes() * 20
    command = [*COMMAND, "-", "--size", "64x48", "--rate", "10", "--model", str(model_path)]
    done = subprocess.run(command, input=raw, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().endswith("red  1.00\n")


@contextmanager
def watching(arguments: list[str], model_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a watch whose output nobody reads yet, so that it stays where it is once the pipe is full."""
    command = [*COMMAND, *arguments, "--model", str(model_path), "--format", "jsonl", "--predictions"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal, even where these tests themselves run in the background and so ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            yield process
        finally:
            process.kill()
            guard.cancel()


def read_predictions(process: "subprocess.Popen[str]", *, cameras: int) -> list[dict[str, Any]]:
    """Read until so many cameras have answered."""
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    while len({line["camera"] for line in lines if line["type"] == "prediction"}) < cameras:
        lines.append(json.loads(process.stdout.readline()))
    return lines


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_file_that_changes_is_followed_after_sighup(films: Path, model_path: Path) -> None:
    config = films / "cameras.toml"
    text = "[[camera]]\nname = 'stays'\nurl = 'long.avi'\n"
    config.write_text(text + "[[camera]]\nname = 'goes'\nurl = 'long.avi'\n")
    with watching(["--config", str(config)], model_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = read_predictions(process, cameras=2)
        # Broken: everything stays as it was, and that is said.
        config.write_text("[[camera]\n")
        process.send_signal(signal.SIGHUP)
        warning = process.stderr.readline()
        assert warning.startswith(f"warning: {config} is not TOML")
        assert warning.endswith("the cameras stay as they were\n")
        config.write_text(text + "[[camera]]\nname = 'comes'\nurl = 'second.avi'\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr.readline() == f"{config}: 1 added, 1 removed, 0 changed\n"
        lines += rows(process.stdout.read())
        assert process.wait(60) == 0
    (stays,), (goes,), (comes,) = (of_camera(lines, name, "end") for name in ("stays", "goes", "comes"))
    # Nobody was disturbed: one start, no gap, all its frames.
    assert len(of_camera(lines, "stays", "start")) == 1
    assert (stays["frames_sampled"], stays["predictions"], stays["interrupted"]) == (2500, 2497, False)
    assert goes["interrupted"]
    assert goes["predictions"] < 2497
    assert (comes["events"], comes["interrupted"]) == (1, False)
    for end in (stays, goes, comes):
        assert end["frames_read"] == end["frames_sampled"] + end["frames_skipped"] + end["frames_dropped"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_no_file_ends_the_watch_of_the_cameras(films: Path, model_path: Path) -> None:
    """A hundred requests, hostile files and good ones in turns; each is told of, and the next is heard."""
    config = films / "cameras.toml"
    stays = "[[camera]]\nname = 'stays'\nurl = 'long.avi'\n"
    config.write_text(stays)
    with watching(["--config", str(config)], model_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = read_predictions(process, cameras=1)
        hostile = list(HOSTILE.values())
        for turn in range(50):
            # Whatever stands there is taken away whole, so that no reading finds half a file.
            (films / "next.toml").write_text(hostile[turn % len(hostile)])
            os.replace(films / "next.toml", config)
            process.send_signal(signal.SIGHUP)
            told = process.stderr.readline()
            assert told.startswith("warning: ")
            assert told.endswith("the cameras stay as they were\n")
            (films / "next.toml").write_text(stays + "[[camera]]\nname = 'comes'\nurl = 'second.avi'\n" * (turn % 2))
            os.replace(films / "next.toml", config)
            process.send_signal(signal.SIGHUP)
            assert process.stderr.readline().startswith(f"{config}: ")
        lines += rows(process.stdout.read())
        assert process.wait(60) == 0
    (end,) = of_camera(lines, "stays", "end")
    assert (end["frames_sampled"], end["interrupted"]) == (2500, False)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_pipe_in_the_place_of_the_file_holds_up_nothing(films: Path, model_path: Path) -> None:
    config = films / "cameras.toml"
    config.write_text("[[camera]]\nname = 'stays'\nurl = 'long.avi'\n")
    with watching(["--config", str(config)], model_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read_predictions(process, cameras=1)
        config.unlink()
        os.mkfifo(config)
        process.send_signal(signal.SIGHUP)
        assert "no regular file" in process.stderr.readline()
        process.stdout.read()
        assert process.wait(60) == 0


def test_a_camera_that_is_refused_keeps_no_other_from_joining(films: Path, model_path: Path) -> None:
    config = films / "cameras.toml"
    stays = "[[camera]]\nname = 'stays'\nurl = 'long.avi'\n"
    config.write_text(stays)
    read = partial(read_cameras, events=EventSettings(), live=LiveSettings(), options=SourceOptions())
    told: list[str] = []
    reloader = CameraReloader(config, read, report=told.append)
    session = Classifier.load(model_path, device="cpu", threads=1).session
    with Watch(session, reloader.cameras, predictions=False) as watch:
        assert next(watch).camera == "stays"
        # Added behind the file's back, so that the file's own camera of that name is refused.
        watch.add("taken", str(films / "long.avi"))
        config.write_text("".join(stays.replace("stays", name) for name in ("stays", "taken", "comes")))
        reloader.reload(watch)
        assert set(watch.statuses) == {"stays", "taken", "comes"}
        watch.remove("taken")
        reloader.reload(watch)
        assert set(reloader.cameras) == {"stays", "taken", "comes"}
    assert told == [f"{config}: 2 added, 0 removed, 0 changed", f"{config}: 1 added, 0 removed, 0 changed"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_camera_that_has_failed_is_tried_again_after_sighup(films: Path, model_path: Path) -> None:
    config = films / "cameras.toml"
    cameras = {"stays": "long.avi", "over": "first.avi", "late": "late.avi"}
    config.write_text("".join(f"[[camera]]\nname = '{name}'\nurl = '{url}'\n" for name, url in cameras.items()))
    with watching(["--config", str(config)], model_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[dict[str, Any]] = []
        while {line["camera"] for line in lines if line["type"] == "end"} != {"over", "late"}:
            lines.append(json.loads(process.stdout.readline()))
        (films / "second.avi").rename(films / "late.avi")
        process.send_signal(signal.SIGHUP)
        assert process.stderr.readline() == f"{config}: 0 added, 0 removed, 0 changed, 1 tried again\n"
        lines += rows(process.stdout.read())
        # That it failed once is still said.
        assert process.wait(60) == 1
    assert [line["state"] for line in of_camera(lines, "late", "status")] == [
        *("connecting", "failed"),
        *("connecting", "live", "ended"),
    ]
    assert [line["label"] for line in of_camera(lines, "late", "event")] == ["red"]
    # A film that was read to its end is not read again.
    assert len(of_camera(lines, "over", "end")) == len(of_camera(lines, "stays", "end")) == 1


class Unhurried(Watch):
    """Lets a camera that is removed be gone before anything else is done."""

    def remove(self, name: str | None) -> None:
        super().remove(name)
        for record in self:
            if isinstance(record, End) and record.camera == name:
                break
        # Time to find that there is nothing left, if that is so.
        self._engine.advance(0.25)


@pytest.mark.parametrize("becomes", [["new"], ["old"]], ids=["another", "changed"])
def test_the_last_camera_may_be_replaced(films: Path, model_path: Path, becomes: list[str]) -> None:
    config = films / "cameras.toml"
    config.write_text("[[camera]]\nname = 'old'\nurl = 'long.avi'\n")
    told: list[str] = []
    read = partial(read_cameras, events=EventSettings(), live=LiveSettings(), options=SourceOptions())
    reloader = CameraReloader(config, read, report=told.append)
    session = Classifier.load(model_path, device="cpu", threads=1).session
    with Unhurried(session, reloader.cameras, predictions=False) as watch:
        assert next(watch).camera == "old"
        config.write_text(f"[[camera]]\nname = '{becomes[0]}'\nurl = 'second.avi'\n")
        reloader.reload(watch)
        records = list(watch)
    assert len(told) == 1
    event = [record for record in records if isinstance(record, Event) and record.camera == becomes[0]][-1]
    assert event.end_seconds == pytest.approx(2.0, abs=0.1)
    end = records[-1]
    assert isinstance(end, End)
    assert not end.interrupted


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_sighup_while_the_model_is_loaded_ends_nothing(films: Path, model_path: Path) -> None:
    config = films / "cameras.toml"
    config.write_text("[[camera]]\nname = 'a'\nurl = 'second.avi'\n")
    program = (
        "import os, signal, sys\n"
        "from framestream import Classifier\n"
        "from framestream.cli.main import run\n"
        "load = Classifier.load\n"
        "def hung_up_on(*given, **named):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    return load(*given, **named)\n"
        "Classifier.load = hung_up_on\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, "watch", "--config", str(config), "--model", str(model_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_all_in_good_order(films: Path, model_path: Path) -> None:
    # Port 9 (discard) is nobody's, so the third is tried again and again.
    sources = [str(films / "long.avi"), str(films / "long.avi"), "rtsp://me:secret@127.0.0.1:9/1"]
    with watching(sources, model_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = read_predictions(process, cameras=2)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait(60) == 130
        check_prompt(began)
    lines += rows(out)
    assert "secret" not in out + err
    ends = [line for line in lines if line["type"] == "end"]
    assert len(ends) == 3
    assert all(end["interrupted"] for end in ends)
    assert sorted(end["events"] for end in ends) == [0, 1, 1]
