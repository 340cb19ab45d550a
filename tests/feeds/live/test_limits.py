"""Streams that would take more than their reader may have."""

from dataclasses import replace
from pathlib import Path

import pytest

from framestream import CameraSettings, Classifier, End, LiveSettings, Prediction, SettingsError, Status
from framestream.cli.main import run
from framestream.feeds.feed import Closed
from tests.live_watching import STEADY, Watching
from tests.servers.rtsp import RtspCamera
from tests.servers.web import MjpegCamera

LARGE = (5000, 5000)


def failure_of(watching: Watching) -> str:
    watching.until(lambda: isinstance(watching.items[-1], Closed))
    assert watching.samples == []
    assert watching.states == ["connecting"]
    return str(watching.closed.error)


def test_pictures_that_are_too_large_end_the_camera() -> None:
    with MjpegCamera(size_wh=(640, 480)) as camera:
        with Watching(camera.url, settings=replace(STEADY, picture_megapixels=0.3)) as watching:
            reason = failure_of(watching)
        assert "its pictures are 640x480, more than 0.3 megapixels" in reason
        with Watching(camera.url, settings=replace(STEADY, picture_megapixels=0.31)) as watching:
            watching.until_samples(3)


def test_pictures_that_are_too_large_over_rtsp() -> None:
    with RtspCamera() as camera, Watching(camera.url, settings=replace(STEADY, picture_megapixels=0.001)) as watching:
        assert "megapixels" in failure_of(watching)


@pytest.mark.parametrize("memory_gb", [0.2, 0.01])
def test_what_takes_too_much_memory_ends_the_camera(memory_gb: float) -> None:
    settings = replace(STEADY, reader_memory_gb=memory_gb)
    with MjpegCamera(size_wh=LARGE, rate=2) as camera, Watching(camera.url, settings=settings) as watching:
        assert "reading it takes more memory than it may" in failure_of(watching)


def test_the_command_takes_limits(model_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with MjpegCamera(size_wh=(640, 480)) as camera:
        assert run(["watch", camera.url, "--model", str(model_path), "--picture-megapixels", "0.3"]) == 1
    assert "more than 0.3 megapixels" in capfd.readouterr().err


def test_others_notice_nothing(classifier: Classifier) -> None:
    with MjpegCamera(size_wh=(640, 480)) as large, MjpegCamera() as small:
        limits = replace(STEADY, picture_megapixels=0.1)
        cameras = {name: CameraSettings(url, live=limits) for name, url in (("large", large.url), ("small", small.url))}
        statuses: list[Status] = []
        predictions = 0
        with classifier.watch_many(cameras) as watch:
            for record in watch:
                statuses += [record] if isinstance(record, Status) else []
                predictions += isinstance(record, Prediction)
                assert not (isinstance(record, Prediction) and record.camera == "large")
                if predictions >= 20 and any(status.state == "failed" for status in statuses):
                    watch.stop()
                if isinstance(record, End) and record.camera == "small":
                    assert record.gaps == 0
    assert [status.state for status in statuses if status.camera == "large"] == ["connecting", "failed"]
    assert [status.state for status in statuses if status.camera == "small"] == ["connecting", "live", "ended"]


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", None])
@pytest.mark.parametrize("name", ["reader_memory_gb", "picture_megapixels"])
def test_limits_are_numbers(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        LiveSettings(**{name: value})  # type: ignore[arg-type]
