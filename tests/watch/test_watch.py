import dataclasses
import gc
import importlib.util
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from framestream import (
    Classifier,
    End,
    Event,
    EventSettings,
    Gap,
    ModelError,
    Prediction,
    Record,
    SettingsError,
    SourceNotFoundError,
    Start,
    Watch,
)
from tests.conftest import WriteVideo, colour_image, times_open
from tests.image_source import ImageSource
from tests.promptness import PATIENCE_SECONDS, check_prompt
from tests.tiny_model import write_model


def test_a_watch_goes_from_start_to_end(classifier: Classifier, write_video: WriteVideo, model_path: Path) -> None:
    path = write_video(["blue"] * 60 + ["red"] * 60 + ["green"] * 45 + ["blue"] * 30)
    records = list(classifier.watch(path))
    assert records[0] == Start(
        source=str(path),
        size_wh=(64, 48),
        declared_fps=30.0,
        declared_frames=195,
        model=str(model_path),
        provider="CPUExecutionProvider",
        threads=1,
        labels=("red", "green", "blue"),
        background="blue",
        frame_rate=10.0,
        model_window_seconds=0.4,
        decoder="av" if importlib.util.find_spec("av") else "opencv",
    )
    end = records[-1]
    assert isinstance(end, End)
    assert dataclasses.replace(end, wall_seconds=0.0) == End(
        frames_read=195,
        frames_sampled=65,
        frames_held=0,
        frames_skipped=130,
        frames_dropped=0,
        predictions=62,
        events=2,
        gaps=0,
        media_seconds=pytest.approx(6.5),
        wall_seconds=0.0,
        interrupted=False,
    )
    events = [item for item in records if isinstance(item, Event)]
    assert [(item.label, item.start_seconds, item.end_seconds) for item in events] == [
        ("red", pytest.approx(2.0), pytest.approx(4.0)),
        ("green", pytest.approx(4.0), pytest.approx(5.5)),
    ]
    times = [item.pts_seconds for item in records if isinstance(item, Prediction)]
    assert times == pytest.approx([0.3 + index / 10 for index in range(62)])


@pytest.mark.parametrize(("fps", "slower"), [(5.0, True), (9.8, True), (9.99, False), (10.0, False), (30.0, False)])
def test_a_source_slower_than_the_model_is_told(
    classifier: Classifier, write_video: WriteVideo, fps: float, slower: bool
) -> None:
    start = next(iter(classifier.watch(write_video(["red"] * 5, fps=fps))))
    assert isinstance(start, Start)
    assert start.slower_than_model is slower


def test_predictions_can_be_left_out_but_are_counted(classifier: Classifier, write_video: WriteVideo) -> None:
    records = list(classifier.watch(write_video(["red"] * 60), predictions=False))
    assert [type(item) for item in records] == [Start, Event, End]
    end = records[-1]
    assert isinstance(end, End)
    assert end.predictions == 17


def test_event_settings_can_be_given(classifier: Classifier, write_video: WriteVideo) -> None:
    path = write_video(["red"] * 60)
    strict = EventSettings(min_seconds=5.0)
    assert not any(isinstance(item, Event) for item in classifier.watch(path, events=strict))


def test_a_clip_shorter_than_the_window_still_gets_one_prediction(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    records = list(classifier.watch(write_video(["red"] * 4)))
    end = records[-1]
    assert isinstance(end, End)
    assert (end.predictions, end.frames_read, end.frames_sampled, end.frames_held) == (1, 4, 2, 2)
    assert [item.label for item in records if isinstance(item, Prediction)] == ["red"]


def test_a_consumers_error_surfaces_at_once_and_leaves_nothing_behind(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    watch = classifier.watch(write_video(["red"] * 200))
    seen = 0
    began = time.monotonic()

    def consume() -> None:
        nonlocal seen
        for _ in watch:
            seen += 1
            if seen == 3:
                raise LookupError("the consumer's own")

    # Nobody closes the watch: the thread must end by itself, as no_thread_left_behind checks.
    with pytest.raises(LookupError, match="the consumer's own"):
        consume()
    assert seen == 3
    check_prompt(began)


def test_a_forgotten_watch_gives_its_file_back_without_the_garbage_collector(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    path = write_video(["red"] * 600)

    def consume() -> None:
        for number, _ in enumerate(classifier.watch(path)):
            if number == 3:
                raise LookupError("the consumer's own")

    gc.collect()
    gc.disable()
    try:
        with suppress(LookupError):
            consume()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while times_open(path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert times_open(path) == 0
    finally:
        gc.enable()


def test_a_sources_error_arrives_after_what_came_before_it(classifier: Classifier) -> None:
    frames = [(index / 10, colour_image("red")) for index in range(50)]
    source = ImageSource([*frames, OSError("cable pulled")])
    watch = classifier.watch(source)
    seen: list[Record] = []
    with pytest.raises(OSError, match="cable pulled"):
        watch_into(seen, watch)
    assert list(watch) == []
    assert [type(item) for item in seen[:3]] == [Start, Prediction, Prediction]
    assert sum(isinstance(item, Prediction) for item in seen) == 47
    # The event that went on is no less true.
    assert [(item.label, item.start_seconds, item.end_seconds) for item in seen if isinstance(item, Event)] == [
        ("red", 0.0, pytest.approx(5.0))
    ]
    assert not isinstance(seen[-1], End)


def test_a_watch_that_fails_releases_its_file_before_the_error_is_raised(
    tmp_path: Path, write_video: WriteVideo
) -> None:
    write_model(tmp_path / "m.onnx", fails_from=200)
    path = write_video(["black"] * 90 + ["red"] * 200)
    watch = Classifier.load(tmp_path / "m.onnx", device="cpu", threads=1).watch(path)
    with pytest.raises(ModelError):
        list(watch)
    assert times_open(path) == 0
    assert list(watch) == []


def test_a_models_error_arrives_after_what_came_before_it(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", fails_from=200)
    fragile = Classifier.load(tmp_path / "m.onnx", device="cpu", threads=1)
    dark, bright = (np.full((48, 64, 3), level, np.uint8) for level in (100, 255))
    frames = [(index / 10, dark) for index in range(40)] + [(100.0 + index / 10, bright) for index in range(40)]
    seen: list[Record] = []
    with pytest.raises(ModelError, match=r"m\.onnx failed on frames"):
        watch_into(seen, fragile.watch(ImageSource(frames)))
    assert sum(isinstance(item, Prediction) for item in seen) == 37
    assert isinstance(seen[-1], Gap)


def watch_into(seen: list[Record], watch: Watch) -> None:
    """Collect records, so that those before an error are known."""
    for record in watch:
        seen.append(record)


class Still(ImageSource):
    """A source whose clock stands still after some frames: nothing is sampled any more, and it ends after a while."""

    def __init__(self, *, moving: int = 1) -> None:
        super().__init__([(index / 10, colour_image("red")) for index in range(moving)])
        self.began = time.monotonic()
        self.standing = threading.Event()

    def grab(self) -> float | None:
        if self._index < len(self._frames) - 1:
            return super().grab()
        self.standing.set()
        time.sleep(0.001)
        return 0.0 if time.monotonic() < self.began + 20 and not self.closed else None


def test_stop_works_between_samples(classifier: Classifier) -> None:
    source = Still()
    watch = classifier.watch(source)
    assert isinstance(next(watch), Start)
    timer = threading.Timer(0.2, watch.stop)
    timer.start()
    began = time.monotonic()
    end = list(watch)[-1]
    timer.join()
    assert isinstance(end, End)
    assert end.interrupted
    check_prompt(began)


def test_a_forgotten_watch_stops_reading(classifier: Classifier) -> None:
    source = Still(moving=12)
    watch = classifier.watch(source)
    assert [type(next(watch)) for _ in range(2)] == [Start, Prediction]
    assert source.standing.wait(PATIENCE_SECONDS)
    # The fixture no_thread_left_behind fails this test if the thread goes on.


@pytest.mark.parametrize("owned", [True, False])
def test_another_thread_may_close_a_watch(classifier: Classifier, owned: bool) -> None:
    source = Still()
    watch = classifier.watch(source)
    watch._unnamed._feed._owned = owned  # type: ignore[union-attr]
    failures: list[BaseException] = []
    records: list[Record] = []

    def consume() -> None:
        try:
            records.extend(watch)
        except BaseException as error:
            failures.append(error)

    consumer = threading.Thread(target=consume)
    consumer.start()
    assert source.standing.wait(PATIENCE_SECONDS)
    began = time.monotonic()
    watch.close()
    assert source.closed is owned
    consumer.join(PATIENCE_SECONDS)
    check_prompt(began)
    assert not consumer.is_alive()
    assert failures == []
    assert [type(record) for record in records] == [Start]


def test_stop_finishes_with_an_interrupted_end(classifier: Classifier) -> None:
    # A source without an end: only stop() can finish it.
    class Endless(ImageSource):
        def grab(self) -> float | None:
            self._index = (self._index + 1) % 2
            self.ticks = getattr(self, "ticks", -1) + 1
            return self.ticks / 10

    watch = classifier.watch(Endless([(0.0, colour_image("red")), (0.0, colour_image("red"))]))
    records = []
    for record in watch:
        records.append(record)
        if len(records) == 30:
            watch.stop()
    end = records[-1]
    assert isinstance(end, End)
    assert end.interrupted
    # The event that went on is closed where the last sample ended, not where reading ahead had got to.
    events = [item for item in records if isinstance(item, Event)]
    last_prediction = [item for item in records if isinstance(item, Prediction)][-1]
    assert [event.label for event in events] == ["red"]
    assert events[0].end_seconds == pytest.approx(last_prediction.pts_seconds + 0.1)
    assert end.media_seconds == pytest.approx(events[0].end_seconds)


def test_a_watch_stopped_before_it_began_still_ends_in_good_order(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    watch = classifier.watch(write_video(["red"] * 60))
    watch.stop()
    assert [type(item) for item in watch] == [Start, End]


def test_close_ends_the_iteration_and_may_be_repeated(classifier: Classifier, write_video: WriteVideo) -> None:
    with classifier.watch(write_video(["red"] * 600)) as watch:
        for _ in range(5):
            next(watch)
    watch.close()
    assert list(watch) == []
    assert [thread for thread in threading.enumerate() if thread.name.startswith("framestream")] == []


def test_an_opened_file_is_closed_and_a_given_source_left_to_its_owner(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    source = ImageSource([(index / 10, colour_image("red")) for index in range(10)])
    with classifier.watch(source) as watch:
        list(watch)
    assert not source.closed
    path = write_video(["red"] * 30)
    with classifier.watch(path):
        pass
    assert times_open(path) == 0
    exhausted = classifier.watch(path)
    list(exhausted)
    assert times_open(path) == 0


def test_gaps_are_reported_and_counted(classifier: Classifier) -> None:
    frames = [(start + index / 10, colour_image("red")) for start in (0.0, 60.0, 10.0) for index in range(10)]
    records = list(classifier.watch(ImageSource(frames)))
    assert [item.reason for item in records if isinstance(item, Gap)] == ["timestamp jump", "timestamp went back"]
    end = records[-1]
    assert isinstance(end, End)
    assert (end.gaps, end.events, end.media_seconds) == (2, 3, pytest.approx(3.0))


def test_a_missing_file_is_an_error_at_once(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        classifier.watch(tmp_path / "missing.mp4")


@pytest.mark.parametrize("source", [None, b"film.mp4"])
def test_what_is_neither_path_nor_source_is_an_error_at_once(classifier: Classifier, source: object) -> None:
    with pytest.raises(SettingsError, match="give a path, an address, a device index"):
        classifier.watch(source)  # type: ignore[arg-type]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "read", "sampled", "held", "gaps", "seconds"),
    [
        ("vfr.mp4", 185, 85, 14, 0, 9.910),
        ("fps_0_5.mp4", 6, 6, 95, 0, 12.0),
        ("fps_120.mp4", 240, 20, 0, 0, 2.0),
        ("pts_near_wrap.ts", 120, 40, 0, 0, 4.004),
        ("resolution_change_pts_reset.ts", 120, 40, 0, 1, 4.004),
        ("corrupt_mdat.mp4", 237, 80, 0, 0, 8.011),
        ("corrupt_bytes.ts", 235, 80, 0, 0, 7.978),
    ],
)
def test_awkward_files_are_watched_to_their_end(
    classifier: Classifier, odd_videos: Path, name: str, read: int, sampled: int, held: int, gaps: int, seconds: float
) -> None:
    records = list(classifier.watch(odd_videos / name))
    end = records[-1]
    assert isinstance(end, End)
    assert (end.frames_read, end.frames_sampled, end.frames_held, end.gaps) == (read, sampled, held, gaps)
    assert end.media_seconds == pytest.approx(seconds, abs=2e-3)
    assert end.predictions == sampled + held - 3 * (gaps + 1)
    assert end.frames_read == end.frames_sampled + end.frames_skipped
