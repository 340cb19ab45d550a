"""What holds for every film: any timestamps, any colours, cut into pushes and batches in any way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framestream import Classifier, Event, EventSettings, Gap, Prediction
from framestream.sampling.clock import SamplingClock
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream.stream import Result, Stream, run_together
from tests.conftest import BGR
from tests.image_source import ImageSource
from tests.tiny_model import SIZE, make_spec, write_model

# Timestamp and colour; named, so that a failing example can be read.
Frame = tuple[float, str]

RATE = 10.0
IMAGES = {name: np.full((SIZE, SIZE, 3), BGR[name], np.uint8) for name in ("red", "green", "blue")}
IMAGES["mixed"] = np.full((SIZE, SIZE, 3), (90, 80, 100), np.uint8)
# Events of a single row count, so that there are many.
EAGER = EventSettings(enter=0.5, leave=0.4, smoothing_seconds=0.0, min_seconds=0.0)
SMOOTH = EventSettings(enter=0.6, leave=0.3, smoothing_seconds=0.3, min_seconds=0.2)

# The fixtures that run around every test (no thread left, no error logged) are no part of the example.
around_films = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

# No sum of multiples of 12 ms is within rounding of where a decision falls: a tick less its tolerance, 100 ms back,
# 5 s ahead.
ORDINARY_STEPS = st.integers(1, 20).map(lambda value: value * 12)
ODD_STEPS = st.sampled_from([0, 0, -12, -36, -96, -108, -900, -(12 * 10**6), 4992, 5004, 60_000, 12 * 10**8])


@st.composite
def films(draw: st.DrawFn, *, max_frames: int = 60) -> list[Frame]:
    """Frames in runs of one colour, with steps of time that are mostly, but not always, ordinary."""
    runs = draw(st.lists(st.tuples(st.sampled_from(sorted(IMAGES)), st.integers(1, 15)), min_size=1, max_size=8))
    names = [name for name, count in runs for _ in range(count)][:max_frames]
    steps = draw(
        st.lists(
            st.one_of(ORDINARY_STEPS, ORDINARY_STEPS, ORDINARY_STEPS, ODD_STEPS),
            min_size=len(names),
            max_size=len(names),
        )
    )
    pts_ms = draw(st.sampled_from([0, -(10**6), 3_600_000]))
    frames = []
    for name, step in zip(names, steps, strict=True):
        pts_ms += step
        frames.append((pts_ms / 1000, name))
    return frames


@pytest.fixture(scope="module")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    path: Path = tmp_path_factory.mktemp("model") / "stateful.onnx"
    write_model(path, make_spec(kind="stateful"))
    return Classifier.load(path, device="cpu", threads=1)


@pytest.fixture(params=["window", "stateful"])
def model(request: pytest.FixtureRequest) -> Classifier:
    made: Classifier = request.getfixturevalue("classifier" if request.param == "window" else "stateful")
    return made


def push_all(stream: Stream, frames: list[Frame]) -> list[Result]:
    results: list[Result] = []
    for pts_seconds, name in frames:
        results += stream.push(IMAGES[name], pts_seconds=pts_seconds)
    return results + stream.flush()


def source_of(frames: list[Frame]) -> ImageSource:
    return ImageSource([(pts_seconds, IMAGES[name]) for pts_seconds, name in frames])


def assert_same(found: list[Result], expected: list[Result], *, shift_seconds: float = 0.0) -> None:
    """The same records in the same order; rounding aside."""
    assert [type(item) for item in found] == [type(item) for item in expected]
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, Prediction) and isinstance(other, Prediction):
            assert one.pts_seconds - shift_seconds == pytest.approx(other.pts_seconds, abs=1e-5)
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        elif isinstance(one, Event) and isinstance(other, Event):
            assert one.label == other.label
            assert one.score == pytest.approx(other.score, abs=1e-5)
            assert one.start_seconds - shift_seconds == pytest.approx(other.start_seconds, abs=1e-5)
            assert one.end_seconds - shift_seconds == pytest.approx(other.end_seconds, abs=1e-5)
        elif isinstance(one, Gap) and isinstance(other, Gap):
            assert one.reason == other.reason
            assert one.pts_seconds - shift_seconds == pytest.approx(other.pts_seconds, abs=1e-5)


@around_films
@given(frames=films(), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_any_split_into_chunks_gives_the_same_results(model: Classifier, frames: list[Frame], cuts: list[int]) -> None:
    stream = model.stream(events=SMOOTH, chunk_steps=1000)
    ends = {sum(cuts[: index + 1]) for index in range(len(cuts))}
    results: list[Result] = []
    for number, (pts_seconds, name) in enumerate(frames, start=1):
        results += stream.push(IMAGES[name], pts_seconds=pts_seconds)
        if number in ends:
            results += stream.run_pending()
    assert_same(results + stream.flush(), push_all(model.stream(events=SMOOTH), frames))


@around_films
@given(together=st.lists(films(max_frames=25), min_size=2, max_size=4), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_any_batch_of_cameras_gives_each_what_it_gets_alone(
    model: Classifier, together: list[list[Frame]], cuts: list[int]
) -> None:
    streams = [model.stream(events=SMOOTH, chunk_steps=1000) for _ in together]
    results: list[list[Result]] = [[] for _ in together]
    waiting = [list(frames) for frames in together]
    turn = 0
    while any(waiting):
        for index, frames in enumerate(waiting):
            # Each camera brings another number of frames to each round.
            count = cuts[(turn + index) % len(cuts)]
            for pts_seconds, name in frames[:count]:
                results[index] += streams[index].push(IMAGES[name], pts_seconds=pts_seconds)
            del frames[:count]
        for stream, found in run_together(model.session, streams):
            results[streams.index(stream)] += found
        turn += 1
    for index, frames in enumerate(together):
        alone = push_all(model.stream(events=SMOOTH), frames)
        assert_same(results[index] + streams[index].flush(), alone)


def segment_bounds(frames: list[Frame]) -> Iterator[tuple[float, float]]:
    """Begin and end of each segment between gaps, found by sampling alone."""
    sampler = Sampler(SamplingClock(RATE))
    begin: float | None = None
    for item in sample(source_of(frames), sampler):
        if isinstance(item, Gap):
            assert begin is not None
            yield begin, item.pts_seconds
            begin = None
        elif begin is None:
            begin = item.pts_seconds
    assert begin is not None
    assert sampler.clock.end_seconds is not None
    yield begin, sampler.clock.end_seconds


@around_films
@given(frames=films(), eager=st.booleans())
def test_any_timestamps_give_ordered_events_that_neither_overlap_nor_cross_a_gap(
    model: Classifier, frames: list[Frame], eager: bool
) -> None:
    event_settings = EAGER if eager else SMOOTH
    stream = model.stream(events=event_settings)
    results = push_all(stream, frames)
    bounds = list(segment_bounds(frames))
    segments: list[list[Result]] = [[]]
    for item in results:
        if isinstance(item, Gap):
            segments.append([])
        else:
            segments[-1].append(item)
    assert len(segments) == len(bounds)
    for segment, (begin, end) in zip(segments, bounds, strict=True):
        events = [item for item in segment if isinstance(item, Event)]
        edges = [edge for event in events for edge in (event.start_seconds, event.end_seconds)]
        assert edges == sorted(edges)
        assert all(begin <= event.start_seconds < event.end_seconds <= end for event in events)
        assert all(event.end_seconds - event.start_seconds >= event_settings.min_seconds - 1e-6 for event in events)
        assert all(event.label in ("red", "green") for event in events)
        ticks = [item.pts_seconds for item in segment if isinstance(item, Prediction)]
        # Every segment has predictions, in order of time, one tick after the other.
        assert ticks
        assert np.diff(ticks) == pytest.approx(np.full(len(ticks) - 1, 1 / RATE), abs=1e-5)
        assert begin <= ticks[0]
        assert ticks[-1] <= end
    assert stream.media_seconds == pytest.approx(sum(end - begin for begin, end in bounds))
    counts = stream.counts
    assert counts.read == len(frames) == counts.sampled + counts.skipped


@around_films
@given(frames=films(), shift_ms=st.sampled_from([4, 100, 95_443_716, 10**9, -(10**7)]))
def test_where_the_clock_starts_changes_nothing_but_the_times(
    model: Classifier, frames: list[Frame], shift_ms: int
) -> None:
    shift_seconds = shift_ms / 1000
    shifted = [(pts_seconds + shift_seconds, name) for pts_seconds, name in frames]
    found = push_all(model.stream(events=SMOOTH), shifted)
    assert_same(found, push_all(model.stream(events=SMOOTH), frames), shift_seconds=shift_seconds)


@around_films
@given(frames=films(), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_sampling_in_pieces_gives_the_same_samples(frames: list[Frame], cuts: list[int]) -> None:
    whole = Sampler(SamplingClock(RATE))
    expected = list(sample(source_of(frames), whole))
    pieces = Sampler(SamplingClock(RATE))
    found: list[Sample | Gap] = []
    rest, turn = frames, 0
    while rest:
        count = cuts[turn % len(cuts)]
        found += sample(source_of(rest[:count]), pieces)
        rest, turn = rest[count:], turn + 1
    assert [(item.pts_seconds, type(item)) for item in found] == [(item.pts_seconds, type(item)) for item in expected]
    assert pieces.counts == whole.counts
    assert whole.counts.read == len(frames) == whole.counts.sampled + whole.counts.skipped
    assert sum(isinstance(item, Sample) for item in expected) == whole.counts.sampled + whole.counts.held
