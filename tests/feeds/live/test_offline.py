"""Live is offline: a film played to a live watch at real time gives the events that reading it as a file gives."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from framestream import Classifier, End, Event, Prediction, Record
from tests.live_watching import STEADY
from tests.servers.rtsp import RtspCamera
from tests.servers.transport import TransportStream

FILM = Path(__file__).resolve().parents[3] / "samples" / "care-home.webm"
FILM_SECONDS = 13.0


class Camera(Protocol):
    @property
    def url(self) -> str: ...


@pytest.fixture(scope="module")
def default_model() -> Classifier:
    return Classifier.load(device="cpu", threads=1)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """The beginning of a film of the repository, in a codec that cameras send, without any loss."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "20", "-bf", "0", "-pix_fmt", "yuv420p"]
    command = [ffmpeg, "-v", "error", "-i", str(FILM), "-t", str(FILM_SECONDS), *codec, str(path)]
    subprocess.run(command, check=True, timeout=120, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def offline(default_model: Classifier, film: Path) -> list[Record]:
    return list(default_model.watch(film))


def play_rtsp(film: Path, ffmpeg: str) -> AbstractContextManager[Camera]:
    del ffmpeg
    return RtspCamera(file=str(film))


def play_http(film: Path, ffmpeg: str) -> AbstractContextManager[Camera]:
    return TransportStream(ffmpeg, film)


@pytest.mark.parametrize("play", [play_rtsp, play_http])
def test_live_gives_the_events_of_the_file(
    default_model: Classifier,
    film: Path,
    ffmpeg: str,
    offline: list[Record],
    play: Callable[[Path, str], AbstractContextManager[Camera]],
) -> None:
    with play(film, ffmpeg) as camera:
        # How late it may be is another promise; here nothing may be lost, on a busy machine either.
        watch = default_model.watch(camera.url, live=replace(STEADY, reconnect=False), max_lag_seconds=30.0)
        live = list(watch)
    period_seconds = 1 / default_model.spec.frame_rate
    expected = [item for item in offline if isinstance(item, Event)]
    found = [item for item in live if isinstance(item, Event)]
    assert len(expected) >= 3
    assert [item.label for item in found] == [item.label for item in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.start_seconds == pytest.approx(other.start_seconds, abs=period_seconds)
        assert one.end_seconds == pytest.approx(other.end_seconds, abs=period_seconds)
        assert one.score == pytest.approx(other.score, abs=0.02)

    read, played = offline[-1], live[-1]
    assert isinstance(read, End)
    assert isinstance(played, End)
    assert (played.frames_read, played.frames_dropped, played.gaps) == (read.frames_read, 0, 0)
    assert played.frames_read == played.frames_sampled + played.frames_skipped
    assert abs(played.predictions - read.predictions) <= 1
    # It really was played: nobody can watch a film at its own pace in less time than it takes.
    assert played.wall_seconds > 0.9 * FILM_SECONDS
    assert all(item.staleness_seconds is not None for item in live if isinstance(item, Prediction))
