"""Fixtures: small videos with known content, a tiny real model, and a watch over threads and logged errors."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from framestream import Classifier
from tests.descriptors import open_descriptors
from tests.promptness import PATIENCE_SECONDS
from tests.tiny_model import write_model

# A busy machine is no failure.
settings.register_profile("framestream", deadline=None)
settings.load_profile("framestream")

EVERYTHING_IS_HERE = os.environ.get("FRAMESTREAM_REQUIRE_ALL") == "1"
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0), "black": (0, 0, 0)}

WriteVideo = Callable[..., Path]


def colour_image(name: str, *, size_wh: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A BGR image of one colour."""
    return np.full((size_wh[1], size_wh[0], 3), BGR[name], np.uint8)


def write_video_file(
    path: Path, colours: Sequence[str], *, fps: float = 30.0, size_wh: tuple[int, int] = (64, 48)
) -> Path:
    """Write one frame per colour name, as Motion JPEG."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size_wh)
    assert writer.isOpened()
    for name in colours:
        writer.write(colour_image(name, size_wh=size_wh))
    writer.release()
    return path


@pytest.fixture
def write_video(tmp_path: Path) -> WriteVideo:
    """Write a video of coloured frames into the test's folder."""

    def write(colours: Sequence[str], *, name: str = "film.avi", **options: object) -> Path:
        return write_video_file(tmp_path / name, colours, **options)  # type: ignore[arg-type]

    return write


def times_open(path: Path) -> int:
    """How often this process has a file open."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list open files")
    return open_descriptors().count(str(path.resolve()))


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny window model: window 4, 10 frames per second, anchor 2, background blue."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def classifier(model_path: Path) -> Classifier:
    """The tiny window model, loaded."""
    return Classifier.load(model_path, device="cpu", threads=1)


@pytest.fixture(scope="session")
def real_footage() -> Path:
    """Folder of real footage that is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real footage here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def odd_videos(real_footage: Path) -> Path:
    """Folder of awkward files that are not part of the repository."""
    return real_footage / "odd"


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The FFmpeg program, which makes the videos that OpenCV cannot write."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("no ffmpeg program here")
    return program


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is promised to be installed, a skipped test is a failed one."""
    report = yield
    if EVERYTHING_IS_HERE and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped, but nothing may be missing here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for modules that skip themselves."""
    report = yield
    if EVERYTHING_IS_HERE and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped, but nothing may be missing here: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """Fail a test that leaves one of our threads running (readers may take a moment to end their chunk)."""
    yield
    deadline = time.monotonic() + PATIENCE_SECONDS
    left: list[threading.Thread] = []
    while time.monotonic() < deadline:
        left = [thread for thread in threading.enumerate() if thread.name.startswith("framestream")]
        if not left:
            return
        time.sleep(0.01)
    pytest.fail(f"threads left behind: {left}")


@pytest.fixture(autouse=True)
def no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test during which our code logged an error."""
    yield
    logged = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR and record.name.startswith("framestream")
    ]
    assert not logged
