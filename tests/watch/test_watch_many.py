"""Many cameras give what each of them gives alone; they come, go and fail without a word to the others."""

import dataclasses
import gc
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framestream import (
    CameraSettings,
    Classifier,
    End,
    Event,
    EventSettings,
    Gap,
    ModelError,
    Prediction,
    PushedFrames,
    Record,
    SettingsError,
    SourceNotFoundError,
    Start,
    Status,
)
from tests.conftest import WriteVideo, colour_image, times_open
from tests.image_source import ImageSource
from tests.live_feeds import BlockedSource, EndlessSource, Frame, timed
from tests.promptness import PATIENCE_SECONDS, check_prompt
from tests.tiny_model import make_spec, write_model

FILMS = Path(__file__).parents[2] / "samples"


def frames_of(*runs: tuple[str, int], fps: float = 10.0, start: float = 0.0) -> list[Frame]:
    return timed([colour_image(name) for name, count in runs for _ in range(count)], fps=fps, start=start)


def of_camera(records: Sequence[Record], name: str) -> list[Record]:
    return [record for record in records if record.camera == name]


def findings(records: Sequence[Record]) -> list[Record]:
    """Predictions, events and gaps, as a camera without a name would give them."""
    return [dataclasses.replace(item, camera=None) for item in records if isinstance(item, (Prediction, Event, Gap))]


def assert_same(mine: Sequence[Record], plain: Sequence[Record]) -> None:
    """Events and gaps are identical, predictions to 1e-5."""
    assert [type(item) for item in mine] == [type(item) for item in plain]
    for one, other in zip(mine, plain, strict=True):
        if isinstance(one, Prediction) and isinstance(other, Prediction):
            assert one.pts_seconds == other.pts_seconds
            assert list(one.probabilities.values()) == pytest.approx(list(other.probabilities.values()), abs=1e-5)
        elif isinstance(one, Event) and isinstance(other, Event):
            assert (one.label, one.start_seconds, one.end_seconds) == (
                other.label,
                other.start_seconds,
                other.end_seconds,
            )
            assert one.score == pytest.approx(other.score, abs=1e-5)
        else:
            assert one == other


def assert_adds_up(end: End) -> None:
    assert end.frames_read == end.frames_sampled + end.frames_skipped + end.frames_dropped
    assert end.frames_dropped == sum(end.dropped.values())


def end_of(records: Sequence[Record], name: str) -> End:
    """The one end a camera has; its counts add up."""
    ends = [item for item in of_camera(records, name) if isinstance(item, End)]
    assert len(ends) == 1
    assert_adds_up(ends[0])
    return ends[0]


@pytest.fixture(scope="session")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    path = tmp_path_factory.mktemp("model") / "stateful.onnx"
    write_model(path, make_spec(kind="stateful"))
    return Classifier.load(path, device="cpu", threads=1)


_RUNS = st.lists(st.tuples(st.sampled_from(["red", "green", "blue"]), st.integers(1, 20)), min_size=1, max_size=4)
_CAMERA = st.tuples(_RUNS, st.sampled_from([3.0, 10.0, 24.0]), st.sampled_from([None, 50.0, -3.0]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cameras=st.lists(_CAMERA, min_size=1, max_size=6), kind=st.sampled_from(["window", "stateful"]))
def test_many_cameras_give_what_each_gives_alone(
    classifier: Classifier,
    stateful: Classifier,
    cameras: list[tuple[list[tuple[str, int]], float, float | None]],
    kind: str,
) -> None:
    model = classifier if kind == "window" else stateful
    footage: dict[str, list[Frame]] = {}
    for number, (runs, fps, jump_seconds) in enumerate(cameras):
        frames = frames_of(*runs, fps=fps, start=7.0 * number)
        if jump_seconds is not None:
            frames += frames_of(*runs, fps=fps, start=frames[-1][0] + jump_seconds)
        footage[f"camera {number}"] = frames
    records = list(model.watch_many({name: ImageSource(frames) for name, frames in footage.items()}))
    for name, frames in footage.items():
        stream = model.stream()
        plain = [result for pts, image in frames for result in stream.push(image, pts_seconds=pts)]
        plain += stream.flush()
        mine = of_camera(records, name)
        assert_same(findings(mine), plain)
        assert [type(item) for item in mine if isinstance(item, (Start, Status))] == [Status, Start, Status, Status]
        end = end_of(records, name)
        assert (end.frames_read, end.frames_held) == (len(frames), stream.counts.held)
        assert (end.predictions, end.events, end.gaps) == tuple(
            sum(isinstance(item, kind) for item in plain) for kind in (Prediction, Event, Gap)
        )
        assert end.media_seconds == pytest.approx(stream.media_seconds)


def test_films_watched_together_are_as_films_watched_alone() -> None:
    default = Classifier.load(device="cpu")
    films = {name: FILMS / f"{name}.webm" for name in ("gym", "kiosk", "care-home")}
    records = list(default.watch_many(films))
    for name, path in films.items():
        alone = list(default.watch(path))
        assert sum(isinstance(item, Event) for item in alone) >= 5
        assert_same(findings(of_camera(records, name)), findings(alone))
        start = next(item for item in of_camera(records, name) if isinstance(item, Start))
        assert dataclasses.replace(start, camera=None) == alone[0]
        last = alone[-1]
        assert isinstance(last, End)
        mine = dataclasses.replace(end_of(records, name), camera=None, wall_seconds=last.wall_seconds)
        assert mine == last


def test_each_camera_has_its_own_event_settings(classifier: Classifier) -> None:
    frames = frames_of(("red", 20))
    cameras = {
        "strict": CameraSettings(ImageSource(frames), events=EventSettings(min_seconds=5.0)),
        "usual": CameraSettings(ImageSource(frames)),
    }
    records = list(classifier.watch_many(cameras, predictions=False))
    assert [item.camera for item in records if isinstance(item, Event)] == ["usual"]
    assert not any(isinstance(item, Prediction) for item in records)
    assert end_of(records, "strict").predictions == 17


@pytest.mark.parametrize("failing", ["missing", "midway"])
def test_a_camera_that_fails_says_so_and_disturbs_nobody(classifier: Classifier, tmp_path: Path, failing: str) -> None:
    good = frames_of(("red", 60), ("green", 60))
    bad: object = tmp_path / "missing.mp4"
    if failing == "midway":
        bad = ImageSource([*frames_of(("red", 20)), OSError("cable pulled")])
    with classifier.watch_many({"bad": bad, "good": ImageSource(good)}) as watch:  # type: ignore[dict-item]
        records = list(watch)
        assert {name: status.state for name, status in watch.statuses.items()} == {"bad": "failed", "good": "ended"}
    assert_same(findings(of_camera(records, "good")), findings(list(classifier.watch(ImageSource(good)))))
    failed = [item for item in of_camera(records, "bad") if isinstance(item, Status)][-1]
    assert failed.state == "failed"
    assert failed.reason is not None
    assert ("missing.mp4: no such file" in failed.reason) if failing == "missing" else ("cable" in failed.reason)
    end = end_of(records, "bad")
    # What came before the failure is no less true.
    assert (end.frames_read, end.events) == ((0, 0) if failing == "missing" else (20, 1))


def test_a_models_error_is_raised_after_what_came_before_it(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", fails_from=200)
    fragile = Classifier.load(tmp_path / "m.onnx", device="cpu", threads=1)
    dark = timed([colour_image("black")] * 64)
    seen: list[Record] = []
    with pytest.raises(ModelError, match=r"m\.onnx failed on frames"):
        collect(fragile.watch_many({"a": ImageSource([*dark, *frames_of(("red", 64), start=6.4)])}), seen)
    assert sum(isinstance(item, Prediction) for item in seen) == 61


def collect(watch: Iterable[Record], seen: list[Record]) -> None:
    """Collect records, so that those before an error are known."""
    for record in watch:
        seen.append(record)


def test_a_consumers_error_leaves_no_thread_and_no_open_file(classifier: Classifier, write_video: WriteVideo) -> None:
    path = write_video(["red"] * 600)

    def consume() -> None:
        for number, _ in enumerate(classifier.watch_many({"a": path, "b": EndlessSource(colour_image("red"))})):
            if number == 20:
                raise LookupError("the consumer's own")

    # Nobody closes the watch; the fixture no_thread_left_behind looks for its threads. No cycle keeps it alive.
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(LookupError, match="the consumer's own"):
            consume()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while times_open(path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert times_open(path) == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("live", [False, True])
def test_stop_ends_all_cameras_in_good_order(classifier: Classifier, live: bool) -> None:
    sources = {name: EndlessSource(colour_image("red"), live=live) for name in ("a", "b")}
    watch = classifier.watch_many(sources)
    records: list[Record] = []
    began = 0.0
    for record in watch:
        records.append(record)
        seen = {item.camera for item in records if isinstance(item, Prediction)}
        if not began and seen == {"a", "b"}:
            began = time.monotonic()
            watch.stop()
    check_prompt(began)
    for name in ("a", "b"):
        end = end_of(records, name)
        assert end.interrupted
        assert end.frames_sampled > 0
        # What was read ahead is lost, and accounted for.
        assert end.dropped.get("stopped", 0) > 0
        events = [item for item in of_camera(records, name) if isinstance(item, Event)]
        newest = [item for item in of_camera(records, name) if isinstance(item, Prediction)][-1]
        assert events[-1].end_seconds == pytest.approx(newest.pts_seconds + 0.1)


def test_a_source_that_blocks_for_ever_does_not_hold_up_the_end(classifier: Classifier) -> None:
    source = BlockedSource(colour_image("red"), frames=10)
    waiting = PushedFrames(size_wh=(64, 48))
    watch = classifier.watch_many({"stuck": source, "nobody pushes": waiting})
    timer = threading.Timer(0.3, watch.stop)
    try:
        timer.start()
        records = list(watch)
        stopped = time.monotonic()
        watch.close()
        check_prompt(stopped)
    finally:
        source.release.set()
        timer.join()
    assert end_of(records, "stuck").interrupted
    assert watch.statuses == {}
    failed = [item for item in of_camera(records, "stuck") if isinstance(item, Status)][-1]
    assert "does not answer" in (failed.reason or "")
    assert end_of(records, "nobody pushes").frames_read == 0


def test_another_thread_may_close_a_watch(classifier: Classifier) -> None:
    watch = classifier.watch_many({"quiet": PushedFrames(size_wh=(64, 48))})
    records: list[Record] = []
    consumer = threading.Thread(target=collect, args=(watch, records))
    consumer.start()
    wait_until(lambda: len(records) >= 3)
    began = time.monotonic()
    watch.close()
    consumer.join(PATIENCE_SECONDS)
    check_prompt(began)
    assert not consumer.is_alive()
    assert [type(record) for record in records] == [Status, Start, Status]
    assert list(watch) == []


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition, generously."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_camera_that_is_removed_ends_while_the_others_go_on(classifier: Classifier) -> None:
    stays = frames_of(("red", 200), ("green", 200), ("blue", 200))
    watch = classifier.watch_many({"stays": ImageSource(stays), "goes": EndlessSource(colour_image("red"))})
    records: list[Record] = []
    for record in watch:
        records.append(record)
        if isinstance(record, Prediction) and record.camera == "goes" and len(of_camera(records, "goes")) == 20:
            watch.remove("goes")
    assert_same(findings(of_camera(records, "stays")), findings(list(classifier.watch(ImageSource(stays)))))
    gone = end_of(records, "goes")
    assert gone.interrupted
    assert gone.events == 1
    assert not end_of(records, "stays").interrupted
    assert set(watch.statuses) == {"stays"}


def test_cameras_may_come_and_come_back_from_any_thread(classifier: Classifier) -> None:
    watch = classifier.watch_many({}, until_stopped=True)
    records: list[Record] = []
    consumer = threading.Thread(target=collect, args=(watch, records))
    consumer.start()

    def ends() -> int:
        return sum(isinstance(record, End) for record in records)

    watch.add("a", ImageSource(frames_of(("red", 30))))
    wait_until(lambda: ends() == 1)
    watch.add("b", EndlessSource(colour_image("green")))
    wait_until(lambda: any(isinstance(record, Prediction) for record in of_camera(records, "b")))
    # Replaced under the same name: the new one waits until the old one has let go.
    watch.remove("b")
    watch.add("b", ImageSource(frames_of(("blue", 30))))
    wait_until(lambda: ends() == 3)
    watch.stop()
    consumer.join(PATIENCE_SECONDS)
    assert not consumer.is_alive()
    kinds = [type(record) for record in of_camera(records, "b") if isinstance(record, (Start, End))]
    assert kinds == [Start, End, Start, End]
    first, second = (record for record in of_camera(records, "b") if isinstance(record, End))
    assert (first.interrupted, second.interrupted) == (True, False)
    assert (second.frames_read, second.events) == (30, 0)
    with pytest.raises(SettingsError, match="the watch has ended"):
        watch.add("c", ImageSource(frames_of(("red", 3))))


def test_a_name_is_taken_once_and_a_stranger_cannot_be_removed(classifier: Classifier) -> None:
    with classifier.watch_many({"a": EndlessSource(colour_image("red"))}) as watch:
        with pytest.raises(SettingsError, match="a camera a already"):
            watch.add("a", EndlessSource(colour_image("red")))
        with pytest.raises(SettingsError, match="no camera b; there is camera a"):
            watch.remove("b")
        for name in ("", "two\nlines", 7):
            with pytest.raises(SettingsError, match="give it a name"):
                watch.add(name, EndlessSource(colour_image("red")))  # type: ignore[arg-type]
        next(watch)
        watch.remove("a")
        assert isinstance(list(watch)[-1], End)


@pytest.mark.parametrize(
    ("cameras", "words"), [({}, "no cameras"), ({"a": 1.5}, "source is 1.5"), ({"a": "gopher://x"}, "gopher://x")]
)
def test_what_cannot_be_watched_is_refused_at_once(
    classifier: Classifier, cameras: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        classifier.watch_many(cameras)  # type: ignore[arg-type]


@pytest.mark.parametrize("lag", [0.0, -1.0, float("nan")])
def test_a_lag_is_a_time(classifier: Classifier, lag: float) -> None:
    with pytest.raises(SettingsError, match="max_lag_seconds"):
        classifier.watch_many({"a": 0}, max_lag_seconds=lag)


def test_callbacks_get_the_records_of_the_loop_and_their_error_ends_it(classifier: Classifier) -> None:
    frames = frames_of(("red", 30))
    seen: list[Record] = []
    classifier.watch_many({"a": ImageSource(frames)}).run(seen.append)
    assert_same(findings(seen), findings(list(classifier.watch(ImageSource(frames)))))

    def fail(record: Record) -> None:
        if isinstance(record, Prediction):
            raise LookupError("the callback's own")

    watch = classifier.watch_many({"a": EndlessSource(colour_image("red"))})
    with pytest.raises(LookupError, match="the callback's own"):
        watch.run(fail)
    assert list(watch) == []


def test_a_single_source_that_calls_itself_live_is_watched_as_one(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48), live=True, capacity=100)
    for pts_seconds, image in frames_of(("red", 20), ("blue", 10)):
        assert frames.push(image, pts_seconds=pts_seconds)
    frames.end()
    watch = classifier.watch(frames, max_lag_seconds=None)
    records = list(watch)
    assert [(item.camera, item.label) for item in records if isinstance(item, Event)] == [(None, "red")]
    assert all((item.staleness_seconds or -1) >= 0 for item in records if isinstance(item, Prediction))
    end = records[-1]
    assert isinstance(end, End)
    assert_adds_up(end)
    assert end.frames_read == 30
    assert "camera" not in end.to_dict()


def test_a_single_live_source_that_fails_raises_its_error(classifier: Classifier) -> None:
    class Failing(EndlessSource):
        def grab(self) -> float | None:
            if self._index == 19:
                raise SourceNotFoundError("the cable is gone; look for it")
            return super().grab()

    watch = classifier.watch(Failing(colour_image("red"), live=True), max_lag_seconds=None)
    seen: list[Record] = []
    with pytest.raises(SourceNotFoundError, match="the cable is gone"):
        collect(watch, seen)
    assert [type(item) for item in seen if not isinstance(item, (Prediction, Status))] == [Start, Event]
    assert list(watch) == []
