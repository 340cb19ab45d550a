"""A watch whose camera says nothing costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from framestream import Classifier, Prediction
from framestream.classifier import default_model_path
from framestream.sources.pushed import PushedFrames
from tests.conftest import colour_image
from tests.promptness import PATIENCE_SECONDS
from tests.servers.rtsp import RtspCamera
from tests.watched_process import watching

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not tell its processes"),
]

IDLE_SECONDS = 10.0
IDLE_SHARE_OF_A_CORE = 0.05


def check_idle(used_seconds: Callable[[], float], record_property: Callable[[str, object], None]) -> None:
    # Until what was under way is done.
    time.sleep(1)
    began, used = time.monotonic(), used_seconds()
    time.sleep(IDLE_SECONDS)
    share = (used_seconds() - used) / (time.monotonic() - began)
    record_property("share_of_a_core", round(share, 4))
    assert share < IDLE_SHARE_OF_A_CORE


@pytest.mark.parametrize("live", [True, False])
def test_nobody_pushes(record_property: Callable[[str, object], None], live: bool) -> None:
    frames = PushedFrames(size_wh=(64, 48), live=live)
    answered = threading.Event()
    with Classifier.load(device="cpu").watch_many({"pushed": frames}, max_lag_seconds=None) as watch:

        def consume() -> None:
            for record in watch:
                if isinstance(record, Prediction):
                    answered.set()

        consumer = threading.Thread(target=consume)
        consumer.start()
        try:
            for index in range(40):
                frames.push(colour_image("red"), pts_seconds=index / 10)
            assert answered.wait(PATIENCE_SECONDS)
            check_idle(time.process_time, record_property)
        finally:
            watch.stop()
            consumer.join()


def test_a_frozen_camera(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    options = ("--stall-seconds", "60")
    with RtspCamera() as camera, watching([camera.url], tmp_path, default_model_path(), *options) as watched:
        watched.until_predictions()
        camera.freeze()
        check_idle(watched.cpu_seconds, record_property)
        assert len(watched.processes()) == 2
