"""What a live stream is does not depend on the library that decodes it."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from framestream.errors import SettingsError
from framestream.feeds.live.camera_feed import CameraFeed
from framestream.feeds.live.live_settings import LiveSettings
from framestream.sources.decoders import DecoderChoice
from tests.live_watching import QUICK, STEADY, Watching, all_text, check_one_timeline
from tests.servers.films import make_film
from tests.servers.sockets import BadServer, noise
from tests.servers.web import FileServer, MjpegCamera, WebServer
from tests.sources.films import DECODERS

pytestmark = pytest.mark.parametrize("decoder", DECODERS)
ONCE = replace(QUICK, reconnect=False)


def failure_of(address: str, decoder: DecoderChoice, settings: LiveSettings = ONCE) -> str:
    """Why an address cannot be watched."""
    with Watching(address, settings=settings, decoder=decoder) as watching:
        watching.until(lambda: not watching.camera.is_running)
    assert watching.samples == []
    assert "hush" not in all_text(watching, "")
    return str(watching.closed.error)


def test_it_is_told(decoder: DecoderChoice) -> None:
    with MjpegCamera() as camera, Watching(camera.url, decoder=decoder) as watching:
        watching.until_samples(3)
    [opened] = watching.opened
    assert opened.info.decoder == decoder
    assert (opened.info.size_wh, opened.info.live) == ((64, 48), True)


def test_another_size_is_the_whole_picture(decoder: DecoderChoice) -> None:
    with MjpegCamera(size_wh=(64, 48)) as camera, Watching(camera.url, decoder=decoder) as watching:
        watching.until_samples(3)
        camera.size_wh = (200, 100)
        watching.until_samples(8)
    for sample in watching.samples:
        assert sample.image[:, :7].max() < 150
        assert sample.image[:, 9:].min() > 200
    assert watching.gaps == []
    check_one_timeline(watching)


def test_a_stream_that_stands_still_is_left_and_comes_back(decoder: DecoderChoice) -> None:
    with MjpegCamera() as camera, Watching(camera.url, settings=QUICK, decoder=decoder) as watching:
        watching.until_samples(3)
        camera.sending = False
        watching.until_state("stalled")
        camera.sending = True
        watching.until_state("live", 2)
    check_one_timeline(watching)


def test_a_wrong_password_is_told(decoder: DecoderChoice) -> None:
    with MjpegCamera() as camera:
        camera.login = "me:right"
        assert "wrong user or password (401)" in failure_of(f"http://me:hush@{camera.host}/video", decoder)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp"])
def test_an_open_that_hangs_is_given_up(decoder: DecoderChoice, scheme: str) -> None:
    with BadServer() as server:
        failure = failure_of(f"{scheme}://me:hush@{server.host}/x", decoder, replace(ONCE, open_seconds=1.0))
    assert "no answer in time; check that it is on, and the address" in failure


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp"])
def test_noise_is_no_video(decoder: DecoderChoice, scheme: str) -> None:
    with BadServer(noise(100_000), hangs_up=True) as server:
        assert "check the address" in failure_of(f"{scheme}://me:hush@{server.host}/x", decoder)


def test_what_had_come_before_the_connection_broke_is_shown(
    decoder: DecoderChoice, tmp_path: Path, ffmpeg: str
) -> None:
    film = make_film(tmp_path / "film.ts").read_bytes()
    # The request that nobody has read makes an error of the end.
    with (
        BadServer(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + film, hangs_up=True) as server,
        Watching(f"http://{server.host}/film.ts", settings=ONCE, decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    # The decoder holds B-frames back.
    assert watching.closed.counts.read == 75


def test_a_host_that_refuses_is_told(decoder: DecoderChoice) -> None:
    assert "connection refused" in failure_of("rtsp://me:hush@127.0.0.1:1/x", decoder)


def test_pictures_that_are_too_large_end_it(decoder: DecoderChoice) -> None:
    with MjpegCamera(size_wh=(640, 480)) as camera:
        failure = failure_of(camera.url, decoder, replace(STEADY, picture_megapixels=0.3))
    assert "its pictures are 640x480, more than 0.3 megapixels" in failure


def test_what_takes_too_much_memory_ends_it(decoder: DecoderChoice) -> None:
    with MjpegCamera(size_wh=(5000, 5000), rate=2) as camera:
        failure = failure_of(camera.url, decoder, replace(STEADY, reader_memory_gb=0.2))
    assert "reading it takes more memory than it may" in failure


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A server that has nothing, and who asked it."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["User-Agent"])
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with WebServer(Handler) as server:
        yield f"http://{server.host}/video", heard


def test_options_for_ffmpeg_come_from_the_environment(decoder: DecoderChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "user_agent;somebody|reconnect;0")
    with listening() as (address, heard):
        assert "no such stream (404)" in failure_of(address, decoder)
    assert set(heard) == {"somebody"}


def test_one_that_is_not_installed_is_told_at_once(decoder: DecoderChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "av" else find(name, *rest))
    arguments = {"frame_rate": 10.0, "size_wh": (16, 12), "decoder": decoder}
    if decoder == "opencv":
        assert CameraFeed("rtsp://camera/1", **arguments).name == "rtsp://camera"
    else:
        with pytest.raises(SettingsError, match="PyAV is not installed; run: pip install av"):
            CameraFeed("rtsp://camera/1", **arguments)


def test_what_comes_before_the_first_key_frame_is_not_shown(
    decoder: DecoderChoice, tmp_path: Path, ffmpeg: str
) -> None:
    # As a camera's stream looks that is joined between two of them.
    film = make_film(tmp_path / "film.mkv", options=("-bf", "0"))
    command = [ffmpeg, "-v", "error", "-i", str(film), "-c", "copy", "-copyinkf", "-bsf:v", "noise=drop=not(n)"]
    subprocess.run([*command, str(tmp_path / "joined.mkv")], check=True, timeout=60, stdin=subprocess.DEVNULL)
    with FileServer(tmp_path) as server, Watching(server.url("joined.mkv"), decoder=decoder) as watching:
        watching.until(lambda: not watching.camera.is_running)
    assert watching.closed.counts.read == 50
    assert watching.samples[0].image.std() > 60
