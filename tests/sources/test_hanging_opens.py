"""Opening what never answers: a pipe nobody writes to, which stands for a disk that is gone as well."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from framestream import CameraSettings, Classifier, End, SourceOptions, Status
from framestream.sources import VideoFile, open_source
from framestream.sources.decoders import DecoderChoice
from tests.conftest import WriteVideo, colour_image
from tests.promptness import PATIENCE_SECONDS

DECODERS: list[DecoderChoice] = ["opencv", "av"]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A pipe with an end that nobody writes to; those who wait for it are let go after the test."""
    path = tmp_path / "hangs.avi"
    os.mkfifo(path)
    yield path
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(
        thread.name.startswith("framestream") for thread in threading.enumerate()
    ):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody waits
            time.sleep(0.05)


@pytest.mark.parametrize("other", DECODERS)
@pytest.mark.parametrize("hanging", DECODERS)
def test_others_are_opened_meanwhile(
    pipe: Path, write_video: WriteVideo, tmp_path: Path, hanging: DecoderChoice, other: DecoderChoice
) -> None:
    pytest.importorskip("av")
    film = write_video(["red"] * 10)
    level = cv2.utils.logging.getLogLevel() if not hasattr(cv2, "getLogLevel") else cv2.getLogLevel()
    opened: list[object] = []

    def hang() -> None:
        try:
            VideoFile(pipe, decoder=hanging)
        except Exception as error:  # it is let go by the end of the test
            opened.append(error)

    thread = threading.Thread(target=hang, name="framestream-hangs", daemon=True)
    thread.start()
    time.sleep(0.5)
    for _ in range(3):
        source = VideoFile(film, decoder=other)
        assert source.grab() == 0.0
        source.close()
    (tmp_path / "images").mkdir()
    assert cv2.imwrite(str(tmp_path / "images" / "1.png"), colour_image("red"))
    images = open_source(tmp_path / "images", options=SourceOptions(image_rate=1))
    assert images.grab() == 0.0
    assert thread.is_alive()
    assert opened == []
    writer = os.open(pipe, os.O_WRONLY)
    os.close(writer)
    thread.join(PATIENCE_SECONDS)
    assert len(opened) == 1
    assert level == (cv2.utils.logging.getLogLevel() if not hasattr(cv2, "getLogLevel") else cv2.getLogLevel())


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_watch_of_many_goes_on_without_it(
    classifier: Classifier, pipe: Path, write_video: WriteVideo, decoder: DecoderChoice
) -> None:
    options = SourceOptions(decoder=decoder)
    film = write_video(["red"] * 60)
    cameras = {"hangs": CameraSettings(pipe, options=options), "stays": CameraSettings(film, options=options)}
    ends: list[str | None] = []
    with classifier.watch_many(cameras, predictions=False) as watch:
        for record in watch:
            if isinstance(record, End):
                ends.append(record.camera)
                # Another may still come, and all that is left can be stopped.
                if record.camera == "stays":
                    watch.add("late", CameraSettings(film, options=options))
                if record.camera == "late":
                    watch.stop()
            if isinstance(record, Status) and record.camera == "hangs" and record.state == "failed":
                assert "left behind" in (record.reason or "")
    assert ends == ["stays", "late", "hangs"]


def test_sigterm_ends_a_watch_that_waits_for_one(pipe: Path, write_video: WriteVideo, model_path: Path) -> None:
    film = write_video(["red"] * 60)
    command = [sys.executable, "-m", "framestream.cli", "watch", str(pipe), str(film), "--model", str(model_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "red" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 143
