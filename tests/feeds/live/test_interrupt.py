"""Ctrl-C and SIGTERM in `framestream watch`, whatever its cameras do: it ends at once, in good order, and leaves
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.servers.rtsp import RtspCamera
from tests.servers.sockets import BadServer
from tests.servers.web import MjpegCamera
from tests.watched_process import RAW, Watched, watching

Camera: TypeAlias = RtspCamera | MjpegCamera

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not list processes")


def check_ends(watched: Watched, *, cameras: int = 1) -> list[dict[str, Any]]:
    """One `end` for each camera, as its last word, and frames that add up."""
    ends = [line for line in watched.lines if line["type"] == "end"]
    assert len(ends) == len({end.get("camera") for end in ends}) == cameras
    for end in ends:
        assert end["interrupted"]
        assert end["frames_read"] == end["frames_sampled"] + end["frames_skipped"] + end["frames_dropped"]
        assert [line for line in watched.lines if line.get("camera") == end.get("camera")][-1] == end
    return ends


def test_while_its_reader_starts(tmp_path: Path, model_path: Path) -> None:
    with BadServer() as server, watching([f"rtsp://{server.host}/camera"], tmp_path, model_path) as watched:
        watched.until_state("connecting")
        watched.interrupt()
    [end] = check_ends(watched)
    assert end["frames_read"] == 0


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_while_connecting_to_a_server_that_never_answers(tmp_path: Path, model_path: Path, scheme: str) -> None:
    with BadServer() as server, watching([f"{scheme}://{server.host}/camera"], tmp_path, model_path) as watched:
        watched.until(lambda: server.viewers)
        watched.interrupt()
    [end] = check_ends(watched)
    assert end["frames_read"] == 0


def test_while_waiting_for_the_first_frame(tmp_path: Path, model_path: Path) -> None:
    with RtspCamera(silent=True) as camera, watching([camera.url], tmp_path, model_path) as watched:
        watched.until_state("connecting")
        # Its reader is past the handshake by then, and gives up after ten.
        time.sleep(2)
        watched.interrupt()
    check_ends(watched)


@pytest.mark.parametrize("end_it", [Watched.interrupt, Watched.terminate])
@pytest.mark.parametrize("make_camera", [RtspCamera, MjpegCamera])
def test_while_live(
    tmp_path: Path, model_path: Path, make_camera: Callable[[], Camera], end_it: Callable[[Watched], None]
) -> None:
    with make_camera() as camera, watching([camera.url], tmp_path, model_path) as watched:
        watched.until_predictions()
        end_it(watched)
    [end] = check_ends(watched)
    assert end["predictions"] == sum(line["type"] == "prediction" for line in watched.lines) > 0


@pytest.mark.parametrize("end_it", [Watched.interrupt, Watched.terminate])
def test_while_standard_input_says_nothing(tmp_path: Path, model_path: Path, end_it: Callable[[Watched], None]) -> None:
    with watching(["-"], tmp_path, model_path, *RAW) as watched:
        watched.push_frames(40)
        watched.until_predictions()
        end_it(watched)
    [end] = check_ends(watched)
    assert end["frames_read"] > 0


def test_while_frozen_before_that_is_noticed(tmp_path: Path, model_path: Path) -> None:
    with RtspCamera() as camera, watching([camera.url], tmp_path, model_path, "--stall-seconds", "60") as watched:
        watched.until_predictions()
        camera.freeze()
        watched.until_silence()
        watched.interrupt()
    [end] = check_ends(watched)
    assert end["gaps"] == 0


def test_while_stalled(tmp_path: Path, model_path: Path) -> None:
    with RtspCamera() as camera, watching([camera.url], tmp_path, model_path, "--stall-seconds", "1") as watched:
        watched.until_predictions()
        camera.freeze()
        watched.until_state("stalled")
        watched.interrupt()
    [end] = check_ends(watched)
    assert end["frames_read"] > 0


def test_while_connecting_again_to_one_that_is_frozen(tmp_path: Path, model_path: Path) -> None:
    with RtspCamera() as camera, watching([camera.url], tmp_path, model_path, "--stall-seconds", "1") as watched:
        watched.until_predictions()
        camera.freeze()
        watched.until_state("reconnecting")
        # The first wait is over, and its server takes the connection without a word.
        time.sleep(1.5)
        watched.interrupt()
    check_ends(watched)


def test_while_waiting_to_reconnect(tmp_path: Path, model_path: Path) -> None:
    with RtspCamera() as camera, watching([camera.url], tmp_path, model_path) as watched:
        watched.until_predictions()
        camera.turn_off()
        # The third wait is two seconds long.
        watched.until_state("reconnecting", times=3)
        watched.interrupt()
    [end] = check_ends(watched)
    assert end["frames_read"] > 0


def test_while_a_wrong_password_waits_for_its_turn(tmp_path: Path, model_path: Path) -> None:
    with MjpegCamera() as camera:
        camera.login = "me:right"
        with watching([f"http://me:wr0ng@{camera.host}/video"], tmp_path, model_path) as watched:
            watched.until_state("reconnecting")
            watched.interrupt()
    check_ends(watched)
    assert "wr0ng" not in str(watched.lines)


@pytest.mark.parametrize("end_it", [Watched.interrupt, Watched.terminate])
def test_several_cameras_each_in_another_state(
    tmp_path: Path, model_path: Path, end_it: Callable[[Watched], None]
) -> None:
    with RtspCamera() as live, RtspCamera() as frozen, RtspCamera() as off, MjpegCamera() as web, BadServer() as mute:
        sources = [live.url, frozen.url, off.url, web.url, f"rtsp://{mute.host}/camera", "-"]
        with watching(sources, tmp_path, model_path, "--stall-seconds", "60", *RAW) as watched:
            watched.push_frames(40)
            watched.until_predictions(cameras=5)
            frozen.freeze()
            off.turn_off()
            watched.until_state("reconnecting", times=2)
            watched.until(lambda: mute.viewers)
            end_it(watched)
    ends = check_ends(watched, cameras=len(sources))
    assert sum(end["frames_read"] > 0 for end in ends) == 5
