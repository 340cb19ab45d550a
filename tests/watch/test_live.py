"""Real cameras in the pipeline: over RTSP and HTTP, some of them away."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from framestream import Classifier, End, Event, Gap, Prediction, Record, Start, Status
from framestream.sampling.zones import Zone
from framestream.watch.camera_settings import CameraSettings
from tests.conftest import write_video_file
from tests.live_watching import STEADY, reader_processes
from tests.promptness import PATIENCE_SECONDS, check_prompt
from tests.servers.rtsp import RtspCamera
from tests.servers.web import MjpegCamera


@pytest.fixture
def film(tmp_path: Path, ffmpeg: str) -> Path:
    """Blue, red, green and blue again, as H.264."""
    raw = write_video_file(
        tmp_path / "raw.avi", ["blue"] * 25 + ["red"] * 50 + ["green"] * 25 + ["blue"] * 20, fps=25.0
    )
    path = tmp_path / "film.mkv"
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p"]
    subprocess.run([ffmpeg, "-v", "error", "-i", str(raw), *codec, str(path)], check=True, timeout=60)
    return path


def spans(records: list[Record]) -> list[tuple[str, float, float]]:
    return [(item.label, item.start_seconds, item.end_seconds) for item in records if isinstance(item, Event)]


def test_live_equals_offline(classifier: Classifier, film: Path) -> None:
    offline = list(classifier.watch(film))
    with RtspCamera(file=str(film)) as camera:
        # How late it may be is another promise; here nothing may be lost, on a busy machine either.
        watch = classifier.watch(camera.url, live=replace(STEADY, reconnect=False), max_lag_seconds=30.0)
        live = list(watch)
    assert [label for label, *_ in spans(offline)] == ["red", "green"]
    for one, other in zip(spans(live), spans(offline), strict=True):
        # One period of the model's clock.
        assert one == (other[0], pytest.approx(other[1], abs=0.1), pytest.approx(other[2], abs=0.1))
    assert sum(isinstance(item, Prediction) for item in live) == sum(isinstance(item, Prediction) for item in offline)
    end = live[-1]
    assert isinstance(end, End)
    assert (end.frames_read, end.frames_dropped, end.gaps) == (120, 0, 0)
    assert end.frames_read == end.frames_sampled + end.frames_skipped


def test_cameras_that_are_away_or_leave_disturb_nobody(classifier: Classifier) -> None:
    with RtspCamera() as front, MjpegCamera() as back:
        cameras = {
            "front": CameraSettings(front.url, live=STEADY),
            "back": CameraSettings(back.url, live=STEADY, zones=(Zone("a", 0, 0, 0.5, 1), Zone("b", 0.5, 0, 1, 1))),
            # Port 9 (discard) is nobody's.
            "away": CameraSettings("rtsp://me:secret@127.0.0.1:9/1", live=STEADY),
        }
        watch = classifier.watch_many(cameras, max_lag_seconds=30.0)
        records: list[Record] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        turned_off = removed = stopped = 0.0
        for record in watch:
            records.append(record)
            assert time.monotonic() < deadline, watch.statuses
            counts = {
                name: sum(isinstance(item, Prediction) and item.camera == name for item in records) for name in cameras
            }
            if not turned_off and min(counts["front"], counts["back"]) >= 10:
                front.turn_off()
                turned_off = time.monotonic()
            elif turned_off and not removed and watch.statuses["front"].state == "reconnecting":
                watch.remove("back")
                front.turn_on()
                removed = time.monotonic()
            elif removed and not stopped and any(isinstance(item, Gap) for item in records) and counts["front"] >= 20:
                watch.stop()
                stopped = time.monotonic()
        check_prompt(stopped)
    assert reader_processes() == []
    gaps = [item for item in records if isinstance(item, Gap)]
    assert {gap.camera for gap in gaps} == {"front"}
    assert gaps[0].reason.startswith("reconnected")
    assert {item.zone for item in records if isinstance(item, Prediction) and item.camera == "back"} == {"a", "b"}
    ends = {item.camera: item for item in records if isinstance(item, End)}
    assert set(ends) == set(cameras)
    for end in ends.values():
        assert end.frames_read == end.frames_sampled + end.frames_skipped + end.frames_dropped
    assert ends["away"].frames_read == 0
    assert {item.camera for item in records if isinstance(item, Start)} == {"front", "back"}
    away = [item for item in records if isinstance(item, Status) and item.camera == "away"]
    assert "connection refused" in (away[1].reason or "")
    assert "secret" not in str(records)
