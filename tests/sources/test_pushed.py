import threading
import time

import numpy as np
import pytest

from framestream import Classifier, End, Event, Prediction, SettingsError, Start
from framestream.sources import PushedFrames
from tests.conftest import colour_image

IMAGE = colour_image("red")


def source(**options: object) -> PushedFrames:
    return PushedFrames(size_wh=(64, 48), **options)  # type: ignore[arg-type]


def run(target: object) -> threading.Thread:
    thread = threading.Thread(target=target)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_nothing_is_lost_when_the_reader_is_slow() -> None:
    frames = source(capacity=2)

    def push() -> None:
        for index in range(200):
            assert frames.push(IMAGE, pts_seconds=index / 10)
        frames.end()

    pusher = run(push)
    times = []
    while (pts_seconds := frames.grab()) is not None:
        times.append(pts_seconds)
    pusher.join()
    assert times == [index / 10 for index in range(200)]
    assert frames.dropped == 0


def test_a_live_source_keeps_the_newest_and_counts_the_rest() -> None:
    frames = source(capacity=3, live=True)
    for index in range(10):
        assert frames.push(IMAGE, pts_seconds=index)
    frames.end()
    assert [frames.grab() for _ in range(4)] == [7, 8, 9, None]
    assert frames.dropped == 7


def test_many_threads_may_push() -> None:
    frames = source(capacity=4)
    pushers = [
        run(lambda first=first: [frames.push(IMAGE, pts_seconds=first + index / 100) for index in range(50)])
        for first in range(4)
    ]
    times = [frames.grab() for _ in range(200)]
    for pusher in pushers:
        pusher.join()
    frames.end()
    assert frames.grab() is None
    assert sorted(times) == [first + index / 100 for first in range(4) for index in range(50)]
    # Of each thread, in its order.
    for first in range(4):
        own = [seconds for seconds in times if first <= seconds < first + 1]
        assert own == sorted(own)


@pytest.mark.parametrize("how", ["interrupt", "close"])
def test_a_push_that_waits_for_room_is_ended(how: str) -> None:
    frames = source(capacity=1)
    assert frames.push(IMAGE, pts_seconds=0)
    answers: list[bool] = []
    pusher = run(lambda: answers.append(frames.push(IMAGE, pts_seconds=1)))
    time.sleep(0.05)
    getattr(frames, how)()
    pusher.join(10)
    assert answers == [False]
    assert not frames.push(IMAGE, pts_seconds=2)
    assert frames.grab() is None


@pytest.mark.parametrize("how", ["interrupt", "close", "end"])
def test_a_grab_that_waits_for_a_frame_is_ended(how: str) -> None:
    frames = source()
    seen: list[float | None] = []
    reader = run(lambda: seen.append(frames.grab()))
    time.sleep(0.05)
    getattr(frames, how)()
    reader.join(10)
    assert seen == [None]


def test_what_was_pushed_before_the_end_is_read_and_nothing_may_follow() -> None:
    frames = source()
    frames.push(IMAGE, pts_seconds=0)
    frames.end()
    frames.end()
    with pytest.raises(SettingsError, match="end was called"):
        frames.push(IMAGE, pts_seconds=1)
    assert [frames.grab(), frames.grab()] == [0, None]


@pytest.mark.parametrize(
    ("image", "color", "expected"),
    [
        (np.full((2, 3), 7, np.uint8), "bgr", [7, 7, 7]),
        (np.full((2, 3, 1), 7, np.uint8), "rgb", [7, 7, 7]),
        (np.full((2, 3, 3), (1, 2, 3), np.uint8), "bgr", [1, 2, 3]),
        (np.full((2, 3, 3), (1, 2, 3), np.uint8), "rgb", [3, 2, 1]),
        (np.full((2, 3, 4), (1, 2, 3, 9), np.uint8), "bgr", [1, 2, 3]),
        (np.full((2, 3, 4), (1, 2, 3, 9), np.uint8), "rgb", [3, 2, 1]),
    ],
)
def test_every_kind_of_image_becomes_bgr(image: np.ndarray, color: str, expected: list[int]) -> None:
    frames = source()
    frames.push(image, pts_seconds=0, color=color)  # type: ignore[arg-type]
    frames.grab()
    assert frames.retrieve().shape == (2, 3, 3)
    assert (frames.retrieve() == expected).all()


def test_the_callers_image_may_be_overwritten() -> None:
    frames = source()
    image = IMAGE.copy()
    frames.push(image, pts_seconds=0)
    image[:] = 0
    frames.grab()
    assert (frames.retrieve() == IMAGE).all()


@pytest.mark.parametrize("image", [None, [[1]], np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_image_is_the_pushers_error(image: object) -> None:
    frames = source()
    with pytest.raises(SettingsError, match="not an image"):
        frames.push(image, pts_seconds=0)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="not an image"):
        frames.push(IMAGE, pts_seconds=0, color="hsv")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="pts_seconds is nan"):
        frames.push(IMAGE, pts_seconds=float("nan"))
    frames.end()
    assert frames.grab() is None


@pytest.mark.parametrize("options", [{"capacity": 0}, {"declared_fps": 0}, {"size_wh": (0, 1)}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        PushedFrames(**{"size_wh": (4, 4), **options})  # type: ignore[arg-type]


def test_a_watch_of_pushed_frames_ends_with_them(classifier: Classifier) -> None:
    frames = source(declared_fps=20)

    def push() -> None:
        for index in range(80):
            frames.push(colour_image("red" if index < 40 else "blue"), pts_seconds=index / 20)
        frames.end()

    pusher = run(push)
    records = list(classifier.watch(frames, predictions=False))
    pusher.join()
    assert [type(record) for record in records] == [Start, Event, End]


def test_a_watch_that_waits_for_frames_can_be_stopped_and_forgotten(classifier: Classifier) -> None:
    frames = source()
    watch = classifier.watch(frames)
    assert isinstance(next(watch), Start)
    timer = threading.Timer(0.1, watch.stop)
    timer.start()
    (end,) = watch
    timer.join()
    assert isinstance(end, End)
    assert end.interrupted
    assert not frames.push(IMAGE, pts_seconds=0)


def test_a_forgotten_watch_leaves_no_thread_that_waits_for_frames(classifier: Classifier) -> None:
    frames = source()
    for index in range(20):
        frames.push(IMAGE, pts_seconds=index / 10)
    watch = classifier.watch(frames)
    assert [type(next(watch)) for _ in range(2)] == [Start, Prediction]
    del watch
    # The fixture no_thread_left_behind fails this test if the one that reads ahead goes on.
    assert not frames.push(IMAGE, pts_seconds=2.0)
