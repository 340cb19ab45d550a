"""Sources of the caller's own in the pipeline, and which sources may stand together."""

import threading
import time

import pytest

from framestream import Classifier, End, Prediction, PushedFrames, SettingsError
from tests.conftest import colour_image
from tests.promptness import PATIENCE_SECONDS


def test_a_slow_recording_is_not_kept_back_until_its_chunk_is_full(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48))
    found = threading.Event()
    in_time = []

    def push() -> None:
        for index in range(classifier.spec.window + 4):
            frames.push(colour_image("red"), pts_seconds=index / 10)
            time.sleep(0.1)
        # Nothing more comes until there was an answer to what came.
        in_time.append(found.wait(PATIENCE_SECONDS))
        frames.end()

    pusher = threading.Thread(target=push)
    pusher.start()
    with classifier.watch_many({"a": frames}) as watch:
        for record in watch:
            if isinstance(record, Prediction):
                found.set()
    pusher.join()
    assert in_time == [True]


def test_frames_that_a_source_of_ones_own_drops_are_counted(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48), live=True, capacity=30)
    for index in range(50):
        frames.push(colour_image("red"), pts_seconds=index / 10)
    frames.end()
    end = list(classifier.watch(frames, max_lag_seconds=None))[-1]
    assert isinstance(end, End)
    assert end.dropped == {"source full": 20}
    assert (end.frames_read, end.frames_sampled, end.frames_dropped) == (50, 30, 20)


def test_standard_input_is_for_one_camera(classifier: Classifier) -> None:
    with pytest.raises(SettingsError, match="one camera only, not by a and b"):
        classifier.watch_many({"a": "-", "b": "-"})


def test_a_camera_is_not_called_by_its_password(classifier: Classifier) -> None:
    with pytest.raises(SettingsError, match="called by its address") as caught:
        classifier.watch_many({"rtsp://me:secret@camera/1": "rtsp://me:secret@camera/1"})
    assert "secret" not in str(caught.value)


def test_what_is_dropped_is_known_before_the_end(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48), live=True, capacity=400)
    watch = classifier.watch_many({"a": frames, "b": PushedFrames(size_wh=(64, 48))}, max_lag_seconds=None)
    assert watch.dropped == {"a": {}, "b": {}}
    next(watch)
    # Nobody iterates, so the inbox runs over.
    for index in range(300):
        frames.push(colour_image("red"), pts_seconds=index / 10)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while watch.dropped["a"].get("inbox full", 0) < 100:
        assert time.monotonic() < deadline, watch.dropped
        time.sleep(0.01)
    assert watch.dropped["b"] == {}
    known = watch.dropped["a"]["inbox full"]
    watch.stop()
    ends = {record.camera: record for record in watch if isinstance(record, End)}
    assert ends["a"].dropped["inbox full"] >= known
    assert watch.dropped == {}
