"""The reader process: what it leaves behind, whom it outlives, what it prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from framestream.feeds.live.process import ReaderProcess
from framestream.feeds.live.protocol import Finished, Heartbeat, Item, Message, ReaderJob, Ready, Started
from framestream.sampling.zones import Zone
from tests.live_watching import reader_processes
from tests.promptness import PATIENCE_SECONDS
from tests.servers.web import MjpegCamera


def job_for(address: str, *, frame_rate: float = 10.0) -> ReaderJob:
    return ReaderJob(
        address=address, name="camera", open_seconds=5, read_seconds=5, frame_rate=frame_rate, size_wh=(16, 12)
    )


def messages(process: ReaderProcess) -> Iterator[Message]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        message = process.read(0.1)
        if message is not None:
            yield message
    pytest.fail("the reader says nothing")


@contextmanager
def reading(address: str, *, frame_rate: float = 10.0) -> Iterator[ReaderProcess]:
    with closing(ReaderProcess(job_for(address, frame_rate=frame_rate))) as process:
        process.begin()
        yield process
    assert process.exit_code is not None
    assert reader_processes() == []


def test_it_says_that_it_is_ready_then_what_it_sees() -> None:
    with MjpegCamera() as camera, reading(camera.url) as process:
        said = messages(process)
        assert isinstance(next(said), Ready)
        assert isinstance(next(said), Started)
        assert isinstance(next(said), Item)


def test_a_model_that_wants_few_frames_still_hears_that_there_are_some() -> None:
    with MjpegCamera() as camera, reading(camera.url, frame_rate=0.01) as process:
        beats = [message for message, _ in zip(messages(process), range(5), strict=False)][3:]
    assert all(isinstance(beat, Heartbeat) for beat in beats)
    first, second = (beat.progress for beat in beats if isinstance(beat, Heartbeat))
    assert first.counts.read < second.counts.read
    assert first.counts.sampled == second.counts.sampled == 1


def test_reading_ends_in_time_when_nothing_comes() -> None:
    with MjpegCamera() as camera:
        camera.answer_seconds = 30
        with reading(camera.url) as process:
            assert isinstance(next(messages(process)), Ready)
            assert process.read(0.01) is None


def test_closing_ends_a_reader_that_is_stopped_by_the_system() -> None:
    with MjpegCamera() as camera, reading(camera.url) as process:
        next(messages(process))
        os.kill(process.pid, signal.SIGSTOP)
    assert process.exit_code == -signal.SIGKILL


def test_closing_ends_a_reader_whose_messages_nobody_reads() -> None:
    with MjpegCamera(rate=500) as camera, reading(camera.url, frame_rate=500) as process:
        next(messages(process))
        # Long enough for the pipe to fill.
        time.sleep(1)
        assert process.exit_code is None
    assert process.exit_code is not None


def test_a_reader_that_dies_is_noticed() -> None:
    with MjpegCamera() as camera, reading(camera.url) as process:
        next(messages(process))
        os.kill(process.pid, signal.SIGKILL)
        last = next(message for message in messages(process) if isinstance(message, Finished))
        assert last == Finished("died")
        assert process.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("begun", [True, False], ids=["reading", "standing by"])
def test_it_does_not_outlive_the_program(begun: bool) -> None:
    program = """
import time
from framestream.feeds.live.process import ReaderProcess
from tests.feeds.live.test_process import job_for
with_reader = ReaderProcess(job_for("{}"))
{}
print(with_reader.pid, flush=True)
time.sleep(600)
"""
    with MjpegCamera() as camera:
        folder = Path(__file__).parents[3]
        command = [sys.executable, "-c", program.format(camera.url, "with_reader.begin()" if begun else "")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as parent:
            assert parent.stdout is not None
            reader = int(parent.stdout.readline())
            assert Path(f"/proc/{reader}").exists()
            parent.kill()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _runs(reader):
            assert time.monotonic() < deadline, "the reader goes on without its program"
            time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # Its new parent may be slow to collect it.
    return state != "Z"


def test_the_current_folder_is_not_searched_for_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry or str(Path(__file__).parents[3]) for entry in sys.path])
    with MjpegCamera() as camera, reading(camera.url) as process:
        assert isinstance(next(messages(process)), Ready)


def test_a_job_travels_whole_and_hides_its_address() -> None:
    job = ReaderJob(
        address="rtsp://me:secret@camera/1",
        name="rtsp://camera",
        open_seconds=1,
        read_seconds=2,
        frame_rate=12.5,
        size_wh=(32, 24),
        zones=(Zone("door", 0.0, 0.25, 0.5, 1.0),),
    )
    assert ReaderJob.from_line(job.to_line()) == job
    assert "secret" not in repr(job)
