"""Kinds of streams, when nothing goes wrong: times, pace, recordings behind addresses."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from framestream.errors import UnreadableSourceError
from framestream.feeds.live.camera_feed import CameraFeed
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, sample
from framestream.sources import VideoFile
from framestream.sources.decoders import DecoderChoice
from tests.live_watching import QUICK, Watching
from tests.promptness import PATIENCE_SECONDS
from tests.servers.films import LivePlaylist, make_film
from tests.servers.rtsp import RtspCamera
from tests.servers.sockets import BadServer
from tests.servers.web import FileServer, MjpegCamera, WebServer
from tests.sources.films import DECODERS

FRAME_RATE = 10.0
both_decoders = pytest.mark.parametrize("decoder", DECODERS)


def offline(path: Path, decoder: DecoderChoice = "auto") -> list[Sample]:
    """What the file itself gives."""
    source = VideoFile(path, decoder=decoder)
    items = [item for item in sample(source, SamplingClock(FRAME_RATE)) if isinstance(item, Sample)]
    source.close()
    return [Sample(fit_frame(item.image, size_wh=(16, 12)), item.pts_seconds, item.held) for item in items]


def check_same(seen: list[Sample], wanted: list[Sample], *, tolerance: int) -> None:
    assert [item.pts_seconds for item in seen] == pytest.approx([item.pts_seconds for item in wanted], abs=0.002)
    for one, other in zip(seen, wanted, strict=True):
        assert np.abs(one.image.astype(int) - other.image).max() <= tolerance


@both_decoders
def test_a_film_over_rtsp_is_what_the_file_is(tmp_path: Path, decoder: DecoderChoice) -> None:
    film = make_film(tmp_path / "film.mkv")
    with (
        RtspCamera(file=str(film)) as camera,
        Watching(camera.url, frame_rate=FRAME_RATE, decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    # A film on an RTSP server has a length, so its end is one.
    assert watching.states == ["connecting", "live"]
    assert watching.closed.error is None
    assert watching.closed.counts.read == 75
    assert watching.closed.end_seconds == pytest.approx(3.0, abs=0.01)
    check_same(watching.samples, offline(film), tolerance=0)


@both_decoders
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_recording_behind_a_url_waits_and_ends(tmp_path: Path, name: str, decoder: DecoderChoice) -> None:
    # What a player needs first must stand first: this server cannot jump.
    film = make_film(tmp_path / name, options=("-movflags", "faststart") if name.endswith("mp4") else ())
    with (
        FileServer(tmp_path) as server,
        Watching(server.url(name), frame_rate=FRAME_RATE, decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    assert watching.opened[0].info.live is False
    assert watching.closed.error is None
    assert watching.closed.counts.read == 75
    check_same(watching.samples, offline(film), tolerance=0)


def test_a_recording_that_nobody_fetches_waits_without_being_taken_for_stalled(tmp_path: Path) -> None:
    make_film(tmp_path / "film.mkv", seconds=6)
    with FileServer(tmp_path) as server:
        watching = Watching(server.url("film.mkv"), frame_rate=25, settings=QUICK)
        watching.inbox = type(watching.inbox)(capacity=4)
        with watching:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not watching.inbox.has_samples(4):
                assert time.monotonic() < deadline, "no samples come"
                time.sleep(0.01)
            # Longer than the watchdog's patience.
            time.sleep(2)
            watching.until(lambda: not watching.camera.is_running)
    assert len(watching.samples) == 150
    assert watching.states == ["connecting", "live"]
    assert sum(watching.inbox.counts.dropped.values()) == 0


def test_a_recording_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", options=("-movflags", "faststart"))
    content = film.read_bytes()
    film.write_bytes(content[: len(content) // 2])
    with FileServer(tmp_path) as server, Watching(server.url("film.mp4")) as watching:
        watching.until(lambda: not watching.camera.is_running)
    error = watching.closed.error
    assert isinstance(error, UnreadableSourceError)
    assert f"it broke off after {watching.closed.counts.read} of 75 frames" in str(error)


def test_a_playlist_of_a_whole_film_ends(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv")
    make_film(tmp_path / "film.m3u8", options=("-f", "hls", "-hls_time", "1", "-hls_list_size", "0"))
    with FileServer(tmp_path) as server, Watching(server.url("film.m3u8"), frame_rate=FRAME_RATE) as watching:
        watching.until(lambda: not watching.camera.is_running)
    assert watching.closed.error is None
    check_same(watching.samples, offline(film), tolerance=0)


def test_a_live_playlist_is_read_at_its_own_pace(tmp_path: Path) -> None:
    with (
        LivePlaylist(tmp_path),
        FileServer(tmp_path) as server,
        Watching(server.url("live.m3u8"), frame_rate=FRAME_RATE) as watching,
    ):
        watching.until_state("live")
        watching.until_samples(60)
    steps = np.diff([item.pts_seconds for item in watching.samples])
    assert steps == pytest.approx(np.full(len(steps), 0.1), abs=1e-6)
    assert watching.gaps == []
    # Segments come at once, their frames do not: what one waits for is what the other took.
    media = watching.samples[-1].pts_seconds - watching.samples[0].pts_seconds
    arrivals = [item.arrived_seconds for item in watching.items if hasattr(item, "arrived_seconds")]
    assert arrivals[-1] - arrivals[0] >= media - 0.1


def test_a_live_playlist_under_another_name_is_read_at_its_own_pace(tmp_path: Path) -> None:
    class Sender(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", server.url("live.m3u8"))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LivePlaylist(tmp_path) as playlist, FileServer(tmp_path) as server, WebServer(Sender) as front:
        # The parts that are there come at once.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not playlist.path.exists() or playlist.path.read_text().count("#EXTINF") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with Watching(f"http://{front.host}/watch?camera=1", frame_rate=FRAME_RATE, decoder="av") as watching:
            watching.until_samples(25)
    media = watching.samples[24].pts_seconds - watching.samples[0].pts_seconds
    arrivals = [item.arrived_seconds for item in watching.items if hasattr(item, "arrived_seconds")]
    assert arrivals[-1] - arrivals[0] >= media - 0.1


def test_pictures_without_times_get_those_of_their_arrival() -> None:
    # FFmpeg would say 25 a second.
    with MjpegCamera(rate=8) as camera, Watching(camera.url, frame_rate=FRAME_RATE) as watching:
        watching.until_samples(25)
    arrivals = [item.arrived_seconds for item in watching.items if hasattr(item, "arrived_seconds")]
    media = watching.samples[-1].pts_seconds - watching.samples[0].pts_seconds
    assert media == pytest.approx(arrivals[-1] - arrivals[0], abs=0.25)
    assert watching.closed.counts.read < 50


@both_decoders
def test_pictures_without_times_get_those_of_their_arrival_by_any_protocol(ffmpeg: str, decoder: DecoderChoice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    source = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=8", "-c:v", "mjpeg", "-f", "mpjpeg")
    player = subprocess.Popen([ffmpeg, "-v", "error", *source, f"{address}?listen=1"], stdin=subprocess.DEVNULL)
    try:
        with Watching(address, frame_rate=FRAME_RATE, decoder=decoder) as watching:
            watching.until_samples(25)
    finally:
        player.kill()
        player.wait()
    # At 25 a second, as FFmpeg would have it, three quarters of them would never be sampled.
    assert watching.closed.counts.read < 40
    assert watching.opened[0].info.declared_fps is None


@both_decoders
def test_a_recording_behind_a_url_has_the_times_of_the_file(tmp_path: Path, decoder: DecoderChoice) -> None:
    # The frame at its end has no timestamp; how soon it arrives does not tell its time.
    name = "film.avi"
    film = make_film(tmp_path / name, options=("-c:v", "mpeg4"))
    with (
        FileServer(tmp_path) as server,
        Watching(server.url(name), frame_rate=FRAME_RATE, decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    assert watching.closed.error is None
    assert watching.closed.counts.read == 75
    assert watching.closed.end_seconds == pytest.approx(3.0, abs=0.001)
    assert [one.pts_seconds for one in watching.samples] == [one.pts_seconds for one in offline(film, decoder)]


def test_a_recording_behind_a_url_whose_sound_begins_first_is_whole(tmp_path: Path) -> None:
    sound = ("-f", "lavfi", "-i", "sine=duration=5", "-c:a", "aac", "-map", "0", "-map", "1")
    picture = make_film(tmp_path / "picture.mkv")
    film = tmp_path / "film.mkv"
    command = ("ffmpeg", "-v", "error", "-itsoffset", "2", "-i", str(picture), *sound, "-c:v", "copy", str(film))
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    with FileServer(tmp_path) as server, Watching(server.url("film.mkv"), decoder="av") as watching:
        watching.until(lambda: not watching.camera.is_running)
    assert watching.closed.error is None
    assert watching.samples[0].pts_seconds == pytest.approx(2.0, abs=0.05)
    assert [one.pts_seconds for one in watching.samples] == [one.pts_seconds for one in offline(film)]


@both_decoders
def test_a_clock_that_starts_again_within_a_connection_is_no_day_ahead(tmp_path: Path, decoder: DecoderChoice) -> None:
    films = [
        make_film(tmp_path / f"{offset}.ts", options=("-output_ts_offset", offset)).read_bytes()
        for offset in ("500", "0")
    ]
    with (
        BadServer(b"".join(films), hangs_up=True) as server,
        Watching(f"tcp://{server.host}", settings=replace(QUICK, reconnect=False), decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    assert watching.closed.counts.read == 150
    [gap] = watching.gaps
    assert gap.reason == "timestamp went back"
    assert gap.resume_seconds == pytest.approx(3.0, abs=0.1)
    assert watching.samples[-1].pts_seconds == pytest.approx(5.9, abs=0.15)


@both_decoders
def test_a_live_playlist_keeps_its_pace_over_parts_with_clocks_of_their_own(
    tmp_path: Path, decoder: DecoderChoice
) -> None:
    for name, offset in (("a.ts", "0"), ("b.ts", "500"), ("c.ts", "20")):
        make_film(tmp_path / name, seconds=2, options=("-output_ts_offset", offset))
    parts = "#EXT-X-DISCONTINUITY\n".join(f"#EXTINF:2,\n{name}\n" for name in ("a.ts", "b.ts", "c.ts"))
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n{parts}")
    with (
        FileServer(tmp_path) as server,
        Watching(server.url("list.m3u8"), frame_rate=FRAME_RATE, decoder=decoder) as watching,
    ):
        watching.until_samples(55)
    arrivals = [item.arrived_seconds for item in watching.items if hasattr(item, "arrived_seconds")]
    assert len(watching.gaps) == 2
    # A frame's time goes by between parts.
    assert arrivals[-1] - arrivals[0] >= watching.samples[-1].pts_seconds - 0.3


def test_a_camera_faster_than_this_machine_reads_is_left_rather_than_followed_ever_later(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.ts", options=("-f", "mpegts"))
    with _Flood(film.read_bytes()) as port, Watching(f"tcp://127.0.0.1:{port}", frame_rate=1000) as watching:
        status = watching.until_state("reconnecting")
    assert status.reason is not None
    assert status.reason.startswith("reading it fell behind")


class _Flood:
    """Sends the same bytes again and again as fast as they are taken."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *error: object) -> None:
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
                with connection:
                    while not self._closing:
                        connection.sendall(self._content)
            except OSError:
                continue


@pytest.mark.parametrize("source", ["film.mp4", "folder/*.png", "-"])
def test_what_is_no_camera_is_refused(source: str) -> None:
    with pytest.raises(UnreadableSourceError, match="is a recording"):
        CameraFeed(source, frame_rate=10, size_wh=(16, 12))


def test_a_device_that_is_not_there_is_told() -> None:
    with Watching(63) as watching:
        status = watching.until_state("reconnecting")
    assert status.reason == "no such device; plug it in"
    assert watching.camera.name == "device 63"


@both_decoders
def test_a_picture_that_does_not_decode_does_not_end_the_connection(decoder: DecoderChoice) -> None:
    with MjpegCamera(rate=30) as camera:
        camera.bad_every, camera.pictures = 10, 60
        # Schemes may be written in capitals.
        address = camera.url.replace("http://", "HTTP://")
        settings = replace(QUICK, reconnect=False)
        with Watching(address, frame_rate=FRAME_RATE, settings=settings, decoder=decoder) as watching:
            watching.until(lambda: not watching.camera.is_running)
    assert camera.requests == 1
    assert watching.closed.counts.read == 54
    # The last of them is the end of the stream to its reader.
    assert watching.closed.counts.undecodable == 5
    assert watching.gaps == []


@both_decoders
def test_parts_of_a_playlist_with_clocks_of_their_own_are_one_timeline(tmp_path: Path, decoder: DecoderChoice) -> None:
    for name, offset in (("a.ts", "0"), ("b.ts", "500"), ("c.ts", "20")):
        make_film(tmp_path / name, seconds=2, options=("-output_ts_offset", offset))
    parts = "#EXT-X-DISCONTINUITY\n".join(f"#EXTINF:2,\n{name}\n" for name in ("a.ts", "b.ts", "c.ts"))
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n{parts}#EXT-X-ENDLIST\n")
    with (
        FileServer(tmp_path) as server,
        Watching(server.url("list.m3u8"), frame_rate=FRAME_RATE, decoder=decoder) as watching,
    ):
        watching.until(lambda: not watching.camera.is_running)
    times = [one.pts_seconds for one in watching.samples]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(5.9, abs=0.15)
    assert [gap.reason for gap in watching.gaps] == ["timestamp jump", "timestamp went back"]
    assert [gap.resume_seconds for gap in watching.gaps] == pytest.approx([2.0, 4.0], abs=0.1)
