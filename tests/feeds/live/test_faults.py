"""What cameras do: every fault over real RTSP and HTTP, how it is told, and that service comes back."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framestream.errors import UnreadableSourceError
from framestream.feeds.feed import Lost
from framestream.feeds.live.live_settings import LiveSettings
from framestream.sampling.sampler import Sample
from framestream.sampling.zones import Zone
from tests.live_watching import QUICK, STEADY, Watching, all_text, check_one_timeline, reader_processes
from tests.servers.rtsp import RtspCamera
from tests.servers.sockets import BadServer, noise
from tests.servers.web import MjpegCamera


def test_a_server_that_is_killed_and_started_again() -> None:
    with RtspCamera() as camera, Watching(camera.url) as watching:
        watching.until_samples(10)
        camera.turn_off()
        watching.until_state("reconnecting", 2)
        camera.turn_on()
        watching.until_state("live", 2)
        watching.until_samples(10)
    assert watching.states[:3] == ["connecting", "live", "reconnecting"]
    [gap] = watching.gaps
    # That it is over with what was there is known at once, how long it was away only later.
    [lost] = [item for item in watching.items if isinstance(item, Lost)]
    assert lost.end_seconds == gap.pts_seconds
    assert watching.items.index(lost) < watching.items.index(watching.statuses[2])
    assert gap.reason.startswith("reconnected: ")
    # It was away for longer than one attempt takes to be refused, at 25 frames a second.
    assert gap.frames_lost is not None
    assert gap.frames_lost == pytest.approx((gap.resume_seconds - gap.pts_seconds) * 25, rel=0.2)
    check_one_timeline(watching)


def test_a_server_that_freezes_is_noticed_and_left() -> None:
    with RtspCamera() as camera, Watching(camera.url, settings=QUICK) as watching:
        watching.until_samples(10)
        camera.freeze()
        stalled = watching.until_state("stalled")
        watching.until_state("reconnecting")
        camera.thaw()
        watching.until_state("live", 2)
        watching.until_samples(5)
    assert stalled.reason == "no frame for 1.5 s"
    assert watching.gaps[0].reason == "reconnected: no frame for 1.5 s"
    assert (watching.gaps[0].frames_lost or 0) > 25
    check_one_timeline(watching)


def test_a_frozen_http_camera_is_noticed_and_comes_back() -> None:
    with MjpegCamera() as camera, Watching(camera.url, settings=QUICK) as watching:
        watching.until_samples(5)
        camera.sending = False
        watching.until_state("stalled")
        camera.sending = True
        watching.until_state("live", 2)
        watching.until_samples(5)
    check_one_timeline(watching)


def test_a_camera_that_is_down_at_start_is_there_once_it_is_on() -> None:
    with RtspCamera() as camera:
        camera.turn_off()
        with Watching(camera.url) as watching:
            status = watching.until_state("reconnecting", 2)
            camera.turn_on()
            watching.until_samples(5)
    assert status.reason == "connection refused; check that it is on, and the port"
    assert status.retry_seconds is not None
    # Nothing was missed: it had not begun.
    assert watching.gaps == []
    check_one_timeline(watching)


@pytest.mark.parametrize("address", ["rtsp://me:{}@{}/camera", "rtsp://{}@{}/camera?password={}"])
def test_a_wrong_password_is_told_at_once_and_shown_nowhere(caplog: pytest.LogCaptureFixture, address: str) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "pa55-w0rd"
    with RtspCamera(login="me:right") as camera, Watching(address.format(secret, camera.host, secret)) as watching:
        status = watching.until_state("reconnecting")
    assert status.reason == "wrong user or password (401); correct them in its address"
    # Asking again and again locks accounts.
    assert status.retry_seconds == STEADY.longest_retry_seconds
    assert secret not in all_text(watching, caplog.text)


def test_the_right_password_opens_and_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "r1ght-w0rd"
    with RtspCamera(login=f"me:{secret}") as camera, Watching(f"rtsp://me:{secret}@{camera.host}/camera") as watching:
        watching.until_samples(3)
        [reader] = reader_processes()
        for name in ("cmdline", "environ"):
            assert secret.encode() not in Path(f"/proc/{reader}/{name}").read_bytes()
    assert watching.opened[0].info.name == f"rtsp://{camera.host}"
    assert secret not in all_text(watching, caplog.text)


def test_without_reconnecting_a_wrong_password_is_an_error() -> None:
    settings = replace(STEADY, reconnect=False)
    with MjpegCamera() as camera:
        camera.login = "me:right"
        with Watching(f"http://me:wr0ng@{camera.host}/video", settings=settings) as watching:
            watching.until(lambda: not watching.camera.is_running)
    assert isinstance(watching.closed.error, UnreadableSourceError)
    assert str(watching.closed.error) == (
        f"http://{camera.host}: wrong user or password (401); correct them in its address"
    )
    assert camera.requests <= 2


def test_another_size_and_rate_after_reconnecting() -> None:
    with RtspCamera(size="320x240", rate="25") as camera, Watching(camera.url) as watching:
        watching.until_samples(10)
        camera.turn_off()
        camera.turn_on(size="176x144", rate="10")
        watching.until_state("live", 2)
        watching.until_samples(10)
        camera.turn_off()
        camera.turn_on(size="320x240", rate="25")
        watching.until_state("live", 3)
        watching.until_samples(5)
    assert [opened.info.size_wh for opened in watching.opened] == [(320, 240), (176, 144), (320, 240)]
    assert {sample.image.shape for sample in watching.samples} == {(12, 16, 3)}
    first, second = watching.gaps
    # Each is estimated from what the connection before it really sent.
    for gap, fps in ((first, 25), (second, 10)):
        assert gap.frames_lost == pytest.approx((gap.resume_seconds - gap.pts_seconds) * fps, rel=0.25)
    check_one_timeline(watching)


def test_another_size_within_a_connection_still_shows_the_whole_picture() -> None:
    with MjpegCamera(size_wh=(64, 48)) as camera, Watching(camera.url) as watching:
        watching.until_samples(5)
        camera.size_wh = (200, 100)
        watching.until_samples(10)
    for sample in watching.samples:
        assert sample.image[:, :7].max() < 150
        assert sample.image[:, 9:].min() > 200
    # FFmpeg brings it to the first size; the model's picture is the whole one, stretched, whatever its size.
    assert watching.gaps == []
    check_one_timeline(watching)


def test_another_rate_within_a_connection_changes_nothing_for_the_model() -> None:
    with MjpegCamera(rate=30) as camera, Watching(camera.url) as watching:
        watching.until_samples(10)
        camera.rate = 4
        watching.until(lambda: any(sample.held for sample in watching.samples))
        watching.until_samples(10)
    steps = np.diff([sample.pts_seconds for sample in watching.samples])
    assert steps == pytest.approx(np.full(len(steps), 0.1))
    assert watching.gaps == []


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp"])
def test_garbage_is_refused_in_words(scheme: str) -> None:
    with BadServer(noise(300_000), hangs_up=True) as server, Watching(f"{scheme}://{server.host}/x") as watching:
        watching.until_state("reconnecting", 2)
    assert "live" not in watching.states
    assert watching.samples == []


def test_a_camera_that_breaks_off_again_and_again_is_connected_again_and_again() -> None:
    settings = replace(STEADY, first_retry_seconds=0.05, longest_retry_seconds=0.1)
    with MjpegCamera() as camera:
        camera.pictures = 8
        with Watching(camera.url, settings=settings) as watching:
            watching.until_state("live", 6)
    assert {gap.reason for gap in watching.gaps} == {"reconnected: the stream ended"}
    assert len(watching.gaps) >= 5
    # Nothing is known of a rate but what came.
    assert {opened.info.declared_fps for opened in watching.opened} == {None}
    assert watching.closed.counts.read >= 5 * 8
    check_one_timeline(watching)


def test_the_next_reader_stands_by_while_its_turn_comes() -> None:
    settings = replace(STEADY, first_retry_seconds=3.0, longest_retry_seconds=3.0)
    with MjpegCamera() as camera, Watching(camera.url, settings=settings) as watching:
        watching.until_samples(5)
        [first] = reader_processes()
        os.kill(first, signal.SIGKILL)
        status = watching.until_state("reconnecting")
        assert status.retry_seconds is not None
        due_seconds = time.clock_gettime(time.CLOCK_BOOTTIME) + status.retry_seconds
        watching.until_state("live", 2)
        [second] = reader_processes()
        # It had started well before the wait was over, and connected when it was.
        assert started_seconds(second) < due_seconds - 1
        assert watching.gaps[0].resume_seconds - watching.gaps[0].pts_seconds > status.retry_seconds - 0.5
        assert camera.requests == 2
    check_one_timeline(watching)


def started_seconds(pid: int) -> float:
    """When a process was started, since the system was."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def test_garbage_in_a_stream_is_left_behind() -> None:
    with MjpegCamera() as camera, Watching(camera.url, settings=QUICK) as watching:
        watching.until_samples(5)
        camera.garbage = True
        watching.until(lambda: watching.states.count("stalled") + watching.states.count("reconnecting") >= 1)
        camera.garbage = False
        watching.until_state("live", 2)
        watching.until_samples(5)
    check_one_timeline(watching)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_an_unknown_host_is_told(scheme: str) -> None:
    with Watching(f"{scheme}://me:secret@name.invalid/camera") as watching:
        status = watching.until_state("reconnecting", 2)
    assert status.reason == "unknown host; check its name and the network's name service"
    assert "secret" not in all_text(watching, "")


def test_a_path_that_is_not_there_is_told() -> None:
    with RtspCamera() as camera, Watching(f"rtsp://{camera.host}/another") as watching:
        status = watching.until_state("reconnecting")
    assert status.reason == "no such stream (404); check the path in its address"


def test_a_camera_that_is_slow_to_answer_opens() -> None:
    with MjpegCamera() as camera:
        camera.answer_seconds = 2.5
        with Watching(camera.url) as watching:
            watching.until_samples(5)
    assert watching.states == ["connecting", "live"]


def test_a_server_that_never_answers_is_given_up() -> None:
    settings = LiveSettings(open_seconds=1, first_retry_seconds=0.1)
    with BadServer() as server, Watching(f"rtsp://{server.host}/camera", settings=settings) as watching:
        status = watching.until_state("reconnecting", 2)
    assert status.reason == "no answer in time; check that it is on, and the address"


def test_a_camera_that_opens_and_gives_no_frame_is_never_live() -> None:
    settings = LiveSettings(open_seconds=2, stall_seconds=1, first_retry_seconds=0.1)
    with RtspCamera(silent=True) as camera, Watching(camera.url, settings=settings) as watching:
        watching.until_state("reconnecting", 2)
    assert "live" not in watching.states


def test_a_reader_that_hangs_is_killed_and_replaced() -> None:
    with MjpegCamera() as camera, Watching(camera.url, settings=QUICK) as watching:
        watching.until_samples(5)
        [reader] = reader_processes()
        os.kill(reader, signal.SIGSTOP)
        watching.until_state("stalled")
        watching.until_state("live", 2)
        watching.until_samples(5)
        assert reader not in reader_processes()
    check_one_timeline(watching)


def test_a_reader_that_crashes_is_replaced() -> None:
    with MjpegCamera() as camera, Watching(camera.url) as watching:
        watching.until_samples(5)
        [reader] = reader_processes()
        os.kill(reader, signal.SIGSEGV)
        status = watching.until_state("reconnecting")
        watching.until_state("live", 2)
    assert status.reason == f"its reader process was ended by signal {int(signal.SIGSEGV)}"


def test_ctrl_c_in_the_terminal_does_not_reach_the_reader() -> None:
    with MjpegCamera() as camera, Watching(camera.url) as watching:
        watching.until_samples(3)
        [reader] = reader_processes()
        assert os.getpgid(reader) != os.getpgid(0)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(reader, number)
        watching.until_samples(5)
        assert reader_processes() == [reader]
    assert watching.states == ["connecting", "live"]


def connecting(stack: ExitStack) -> Watching:
    server = stack.enter_context(BadServer())
    watching = stack.enter_context(Watching(f"rtsp://{server.host}/camera"))
    watching.until_state("connecting")
    return watching


def live(stack: ExitStack) -> Watching:
    camera = stack.enter_context(RtspCamera())
    watching = stack.enter_context(Watching(camera.url))
    watching.until_samples(3)
    return watching


def frozen(stack: ExitStack) -> Watching:
    settings = replace(STEADY, stall_seconds=60)
    camera = stack.enter_context(RtspCamera())
    watching = stack.enter_context(Watching(camera.url, settings=settings))
    watching.until_samples(3)
    camera.freeze()
    time.sleep(1)
    return watching


def hanging(stack: ExitStack) -> Watching:
    watching = live(stack)
    os.kill(reader_processes()[0], signal.SIGSTOP)
    return watching


def waiting(stack: ExitStack) -> Watching:
    settings = LiveSettings(first_retry_seconds=60, longest_retry_seconds=60)
    watching = stack.enter_context(Watching("http://127.0.0.1:1/", settings=settings))
    watching.until_state("reconnecting")
    return watching


def standing_by(stack: ExitStack) -> Watching:
    settings = LiveSettings(first_retry_seconds=1.5, longest_retry_seconds=1.5)
    watching = stack.enter_context(Watching("http://127.0.0.1:1/", settings=settings))
    # From here on the wait is too short for anything else than a reader that stands by.
    watching.until_state("reconnecting")
    watching.until(reader_processes)
    return watching


@pytest.mark.parametrize("state", [connecting, live, frozen, hanging, waiting, standing_by])
def test_it_can_be_stopped_in_every_state(state: Callable[[ExitStack], Watching]) -> None:
    with ExitStack() as stack:
        watching = state(stack)
        watching.end()
        watching.check_nothing_is_left()
    assert watching.closed.error is None


def test_stopping_right_after_starting_leaves_nothing() -> None:
    with MjpegCamera() as camera:
        for _ in range(3):
            with Watching(camera.url) as watching:
                pass
            watching.check_nothing_is_left()
            assert watching.closed.error is None


def test_zones_are_cut_by_the_reader() -> None:
    zones = (Zone("left", 0, 0, 0.5, 1), Zone("right", 0.5, 0, 1, 1))
    with MjpegCamera() as camera, Watching(camera.url, zones=zones) as watching:
        watching.until_samples(5)
    for sample in watching.samples:
        assert sample.image.shape == (2, 12, 16, 3)
        assert sample.image[0, :, :14].max() < 150
        assert sample.image[1, :, 2:].min() > 200


def test_held_and_fresh_samples_have_images_of_their_own_time() -> None:
    with MjpegCamera(rate=5) as camera, Watching(camera.url, frame_rate=20) as watching:
        watching.until_samples(30)
    previous: Sample | None = None
    for sample in watching.samples:
        if sample.held:
            assert previous is not None
            assert np.array_equal(sample.image, previous.image)
        previous = sample
    assert watching.closed.counts.held > 0
