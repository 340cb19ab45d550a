"""Backpressure: the newest win, time stays true, all are dropped from alike, and every loss is accounted for."""

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framestream import Classifier, End, Event, Gap, ModelSession, Prediction, Record, Sample, Status, Stream
from framestream.feeds.feed import Lost
from framestream.sampling.resize import fit_frame
from framestream.stream import Result
from framestream.watch.camera import Camera
from framestream.watch.engine import Engine
from tests.conftest import colour_image
from tests.live_feeds import EndlessSource, HandFeed
from tests.tiny_model import make_spec, write_model

LONG_AGO_SECONDS = 1000.0


def small(name: str) -> NDArray[np.uint8]:
    return fit_frame(colour_image(name), size_wh=(8, 8))


class Bench:
    """An engine with live cameras whose arrivals the test decides."""

    def __init__(
        self,
        session: ModelSession,
        names: Sequence[str],
        *,
        max_lag_seconds: float | None = 100.0,
        live: bool = True,
    ) -> None:
        self.engine = Engine(session, max_lag_seconds=max_lag_seconds)
        self.feeds = {name: HandFeed(live=live) for name in names}
        for name, feed in self.feeds.items():
            self.engine.add(Camera(name, feed, session, wake_up=self.engine.wake_up, live=live))
        self.engine.advance(0)

    def put(self, name: str, colour: str, tick: int, *, old: bool = False) -> None:
        now = time.monotonic() - (LONG_AGO_SECONDS if old else 0)
        self.feeds[name].sample(small(colour), tick / 10, arrived_seconds=now)

    def finish(self) -> list[Record]:
        while any(feed.inbox is not None and feed.inbox.has_samples(1) for feed in self.feeds.values()):
            self.engine.advance(0)
        for feed in self.feeds.values():
            feed.end()
        while not self.engine.finished:
            self.engine.advance(0)
        return list(self.engine.ready)


def of_type(records: Sequence[object], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    segments=st.lists(
        st.tuples(st.sampled_from(["red", "green", "blue"]), st.integers(1, 12), st.sampled_from([0, 1, 2, 3, 30])),
        min_size=1,
        max_size=6,
    )
)
@example(segments=[("red", 1, 1), ("green", 1, 2), ("red", 3, 0)])
def test_dropped_frames_leave_time_true(classifier: Classifier, segments: list[tuple[str, int, int]]) -> None:
    bench = Bench(classifier.session, ["a"])
    # What the model should see: where frames are dropped, the newest before them, as long as they would have lasted.
    plain = classifier.stream()
    expected: list[Result] = []
    skipped_ticks: set[float] = set()
    tick = dropped = 0
    newest: NDArray[np.uint8] | None = None
    # At first a whole window, since a segment that is shorter gets its prediction at its end.
    for colour, kept, lost in [("blue", 4, 0), *segments]:
        for _ in range(kept):
            newest = small(colour)
            bench.put("a", colour, tick)
            expected += plain.feed(Sample(newest, tick / 10))
            tick += 1
        bench.engine.advance(0)
        for _ in range(lost):
            bench.put("a", "green", tick, old=True)
            assert newest is not None
            skipped_ticks.add(round(tick / 10, 6))
            expected += plain.feed(Sample(newest, tick / 10, held=True))
            tick += 1
        dropped += lost
    records = bench.finish()
    found = {round(item.pts_seconds, 6): item for item in of_type(records, Prediction)}
    wanted = {round(item.pts_seconds, 6): item for item in of_type(expected, Prediction)}
    # No prediction for a tick nobody saw; for all others the same as if the picture had stood still.
    assert set(found) == set(wanted) - skipped_ticks
    for pts_seconds, item in found.items():
        rows = item.probabilities, wanted[pts_seconds].probabilities
        assert list(rows[0].values()) == pytest.approx(list(rows[1].values()), abs=1e-5)
    end = of_type(records, End)[0]
    assert end.dropped == ({"too slow": dropped} if dropped else {})
    assert end.frames_read == tick == end.frames_sampled + end.frames_dropped
    assert end.gaps == 0


def test_an_event_goes_on_while_frames_are_dropped(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a"])
    for tick in range(40):
        colour = "red" if 10 <= tick < 30 else "blue"
        bench.put("a", colour, tick, old=tick % 3 == 1)
        bench.engine.advance(0)
    events = of_type(bench.finish(), Event)
    assert [item.label for item in events] == ["red"]
    # As exact as the frames that were left allow.
    assert events[0].start_seconds == pytest.approx(1.0, abs=0.21)
    assert events[0].end_seconds == pytest.approx(3.0, abs=0.21)


def test_a_pause_longer_than_a_picture_may_stand_still_is_a_gap(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a"])
    for tick in range(80):
        bench.put("a", "red", tick, old=10 <= tick < 70)
        bench.engine.advance(0)
    records = bench.finish()
    # However small the pieces it is told in.
    assert [(item.reason, item.resume_seconds, item.frames_lost) for item in of_type(records, Gap)] == [
        ("machine too slow", pytest.approx(7.0), 60)
    ]
    spans = [(item.start_seconds, item.end_seconds) for item in of_type(records, Event)]
    assert spans == [(0.0, pytest.approx(1.0)), (pytest.approx(7.0), pytest.approx(8.0))]


def test_many_dropped_at_once_are_one_gap(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a"])
    for tick in range(10):
        bench.put("a", "red", tick)
    bench.engine.advance(0)
    for tick in range(10, 70):
        bench.put("a", "red", tick, old=True)
    for tick in range(70, 80):
        bench.put("a", "red", tick)
    records = bench.finish()
    gap = of_type(records, Gap)[0]
    assert gap == Gap(
        pts_seconds=pytest.approx(1.0),
        reason="machine too slow",
        resume_seconds=pytest.approx(7.0),
        frames_lost=60,
        camera="a",
    )
    assert [(item.start_seconds, item.end_seconds) for item in of_type(records, Event)] == [
        (0.0, pytest.approx(1.0)),
        (pytest.approx(7.0), pytest.approx(8.0)),
    ]


def test_a_model_whose_state_cannot_be_held_gets_a_gap(tmp_path: Path) -> None:
    write_model(tmp_path / "s.onnx", make_spec(kind="stateful"))
    stateful = Classifier.load(tmp_path / "s.onnx", device="cpu", threads=1)
    bench = Bench(stateful.session, ["a"])
    for tick in range(10):
        bench.put("a", "red", tick)
    bench.engine.advance(0)
    bench.put("a", "red", 10, old=True)
    for tick in range(11, 20):
        bench.put("a", "green", tick)
    records = bench.finish()
    assert [(item.reason, item.frames_lost) for item in of_type(records, Gap)] == [("machine too slow", 1)]
    scores = [item.probabilities["green"] for item in of_type(records, Prediction)]
    assert max(scores[:10]) < 0.01
    assert min(scores[10:]) > 0.99


def test_that_the_machine_is_too_slow_is_told_once(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a", "b"])
    for tick in range(30):
        for name in ("a", "b"):
            bench.put(name, "red", tick, old=tick % 2 == 1)
        bench.engine.advance(0)
    records = bench.finish()
    told = [item for item in of_type(records, Status) if item.state == "overloaded"]
    assert len(told) == 1
    assert "too slow for 2 cameras" in (told[0].reason or "")
    assert [item.dropped for item in of_type(records, End)] == [{"too slow": 15}] * 2


def test_cameras_that_are_ready_together_are_run_together(classifier: Classifier) -> None:
    shapes: Counter[tuple[int, int]] = Counter()

    class Counting(ModelSession):
        def run_with(
            self, frames: NDArray[np.uint8], state: Mapping[str, NDArray[np.float32]], outputs: Sequence[str]
        ) -> Any:
            shapes[frames.shape[0], frames.shape[1]] += 1
            return super().run_with(frames, state, outputs)

    session = Counting(classifier.session.path, device="cpu", threads=1)
    shapes.clear()
    bench = Bench(session, ["a", "b", "c", "d"])
    for tick in range(10):
        for name in bench.feeds:
            bench.put(name, "red", tick)
        bench.engine.advance(0)
    assert shapes == {(4, 1): 10}
    bench.finish()


class SlowSession(ModelSession):
    """A machine that takes its time: 20 ms a row, so that it can do 50 a second."""

    def run_with(
        self, frames: NDArray[np.uint8], state: Mapping[str, NDArray[np.float32]], outputs: Sequence[str]
    ) -> Any:
        time.sleep(0.02 * frames.shape[0] * frames.shape[1])
        return super().run_with(frames, state, outputs)


class PacedSource(EndlessSource):
    """Fifty frames a second of real time."""

    def grab(self) -> float | None:
        time.sleep(0.02)
        return super().grab()


def test_recordings_take_turns(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a", "b", "c"], live=False)
    for name in bench.feeds:
        for tick in range(32):
            bench.put(name, "green", tick)
    rounds: list[Counter[str | None]] = []
    for _ in range(6):
        bench.engine.advance(0)
        rounds.append(Counter(record.camera for record in of_type(list(bench.engine.ready), Prediction)))
        bench.engine.ready.clear()
    # The first window takes four frames.
    assert rounds == [Counter({name: count}) for count in (13, 16) for name in ("a", "b", "c")]
    assert len(of_type(bench.finish(), End)) == 3


def test_too_many_cameras_are_dropped_from_alike(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", dataclasses.replace(make_spec(frame_rate=50.0)))
    slow = Classifier(SlowSession(tmp_path / "m.onnx", device="cpu", threads=1))
    names = [f"camera {number}" for number in range(8)]
    sources = {name: PacedSource(colour_image("red"), fps=50.0, live=True) for name in names}
    watch = slow.watch_many(sources, max_lag_seconds=0.2)
    records: list[Record] = []
    predictions: Counter[str] = Counter()
    for record in watch:
        records.append(record)
        if isinstance(record, Prediction):
            predictions[record.camera or ""] += 1
            if sum(predictions.values()) == 160:
                watch.stop()
    # 400 rows a second are wanted, 50 can be had, and five at a time: not all cameras fit into one round.
    ends = of_type(records, End)
    assert len(ends) == 8
    for end in ends:
        assert end.dropped["too slow"] > end.frames_sampled
        assert end.frames_read == end.frames_sampled + end.frames_skipped + end.frames_dropped
    assert min(predictions.values()) > 0.6 * max(predictions.values())
    assert len(predictions) == 8


def test_missing_before_the_first_frame_is_nothing(classifier: Classifier) -> None:
    stream = Stream(classifier.session)
    assert stream.miss(0.0, 5) == []
    assert stream.flush() == []


def test_an_event_is_told_when_its_camera_is_lost_and_not_when_it_is_back(classifier: Classifier) -> None:
    bench = Bench(classifier.session, ["a"])
    for tick in range(20):
        bench.put("a", "red", tick)
        bench.engine.advance(0)
    inbox = bench.feeds["a"].inbox
    assert inbox is not None
    inbox.put(Lost(2.0), arrived_seconds=time.monotonic())
    bench.engine.advance(0)
    event = of_type(list(bench.engine.ready), Event)[0]
    assert (event.label, event.start_seconds, event.end_seconds) == ("red", 0.0, 2.0)
    # Back after a minute: the gap adds nothing to what was told.
    inbox.put(Gap(pts_seconds=2.0, reason="reconnected", resume_seconds=60.0), arrived_seconds=time.monotonic())
    for tick in range(600, 620):
        bench.put("a", "red", tick)
    records = bench.finish()
    assert [(item.start_seconds, item.end_seconds) for item in of_type(records, Event)] == [
        (0.0, 2.0),
        (60.0, pytest.approx(62.0)),
    ]
    assert len(of_type(records, Gap)) == 1
    assert of_type(records, End)[0].media_seconds == pytest.approx(4.0)
