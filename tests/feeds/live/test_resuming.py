"""How soon a camera is back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from framestream.feeds.live.live_settings import LiveSettings
from tests.live_watching import Watching, check_one_timeline
from tests.promptness import check_prompt
from tests.servers.rtsp import RtspCamera


def kill_server(camera: RtspCamera) -> Callable[[], None]:
    camera.turn_off()
    return camera.turn_on


def stop_server(camera: RtspCamera) -> Callable[[], None]:
    camera.freeze()
    return camera.thaw


@pytest.mark.parametrize("break_it", [kill_server, stop_server])
def test_service_is_back_within_twice_the_pause_between_attempts(
    break_it: Callable[[RtspCamera], Callable[[], None]],
) -> None:
    # Pauses as users have them.
    settings = LiveSettings(open_seconds=30, stall_seconds=1.5)
    with RtspCamera() as camera, Watching(camera.url, settings=settings) as watching:
        watching.until_samples(5)
        mend = break_it(camera)
        watching.until_state("reconnecting")
        # Long enough for an attempt to fail.
        time.sleep(1.5)
        mend()
        began = time.monotonic()
        watching.until_samples(1)
        check_prompt(began, 2 * max(status.retry_seconds or 0.0 for status in watching.statuses))
    check_one_timeline(watching)
