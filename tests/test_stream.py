from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framestream import Classifier, Event, EventSettings, Gap, Prediction, SettingsError
from framestream.stream import Result
from tests.conftest import WriteVideo, colour_image
from tests.tiny_model import expected_probabilities, make_spec, write_model

Frame = tuple[float, np.ndarray]


def coloured(*runs: tuple[str, int], fps: float = 10.0, start: float = 0.0) -> list[Frame]:
    """Frames in runs of one colour."""
    names = [name for name, count in runs for _ in range(count)]
    return [(start + index / fps, colour_image(name)) for index, name in enumerate(names)]


def push_all(classifier: Classifier, frames: list[Frame], *, chunk_steps: int = 1) -> list[Result]:
    stream = classifier.stream(chunk_steps=chunk_steps)
    results: list[Result] = []
    for pts_seconds, image in frames:
        results += stream.push(image, pts_seconds=pts_seconds)
    return results + stream.flush()


def events_of(results: list[Result]) -> list[tuple[str, float, float]]:
    return [
        (item.label, round(item.start_seconds, 6), round(item.end_seconds, 6))
        for item in results
        if isinstance(item, Event)
    ]


def test_events_carry_when_it_happened(classifier: Classifier) -> None:
    results = push_all(classifier, coloured(("blue", 20), ("red", 15), ("green", 10), ("blue", 10)))
    assert events_of(results) == [("red", 2.0, 3.5), ("green", 3.5, 4.5)]


def test_predictions_are_the_models_and_the_first_rows_are_not_emitted(classifier: Classifier) -> None:
    frames = coloured(("blue", 3), ("red", 4))
    predictions = [item for item in push_all(classifier, frames) if isinstance(item, Prediction)]
    inputs = np.stack([image[:8, :8, ::-1] for _, image in frames])
    expected = expected_probabilities(inputs, classifier.spec)[3:]
    assert [round(item.pts_seconds, 6) for item in predictions] == [0.3, 0.4, 0.5, 0.6]
    found = np.array([list(item.probabilities.values()) for item in predictions])
    assert np.abs(found - expected).max() < 1e-5
    # The second window is half blue, half red.
    assert [predictions[index].label for index in (0, 2, 3)] == ["blue", "red", "red"]
    assert all(item.score == max(item.probabilities.values()) for item in predictions)


def test_a_stateful_model_emits_every_row(tmp_path: Path) -> None:
    write_model(tmp_path / "s.onnx", make_spec(kind="stateful"))
    stateful = Classifier.load(tmp_path / "s.onnx", threads=1)
    results = push_all(stateful, coloured(("red", 10), ("blue", 30)))
    assert sum(isinstance(item, Prediction) for item in results) == 40
    # After n frames the mean is r = 10 / n red and 1 - r blue. softmax(10 r, 0, 10 - 10 r) for red is 0.498 at n = 20
    # and 0.383, below leave, at n = 21, which is the frame at 2.0 s.
    assert events_of(results) == [("red", 0.0, 2.0)]


@pytest.mark.parametrize("how", ["gap", "flush"])
def test_a_stateful_model_remembers_nothing_across_a_gap_or_a_flush(tmp_path: Path, how: str) -> None:
    write_model(tmp_path / "s.onnx", make_spec(kind="stateful"))
    stream = Classifier.load(tmp_path / "s.onnx", threads=1).stream()
    results: list[Result] = []
    for start, colour in ((0.0, "red"), (100.0, "green")):
        for pts_seconds, image in coloured((colour, 20), start=start):
            results += stream.push(image, pts_seconds=pts_seconds)
        results += stream.flush() if how == "flush" else []
    results += stream.flush()
    scores = [item.probabilities["green"] for item in results if isinstance(item, Prediction)]
    assert max(scores[:20]) < 0.01
    assert min(scores[20:]) > 0.99
    assert sum(isinstance(item, Gap) for item in results) == (how == "gap")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_clip_shorter_than_the_window_gets_one_answer_for_all_of_it(classifier: Classifier, count: int) -> None:
    stream = classifier.stream(events=EventSettings(min_seconds=0.0))
    frames = coloured(("red", count), start=7.0)
    before = [item for pts, image in frames for item in stream.push(image, pts_seconds=pts)]
    results = stream.flush()
    assert before == []
    assert [type(item) for item in results] == [Prediction, Event]
    assert results[0].pts_seconds == pytest.approx(7.0 + (count - 1) / 10)
    assert events_of(results) == [("red", 7.0, round(7.0 + count / 10, 6))]
    assert stream.counts.held == 4 - count


def test_a_gap_ends_the_event_and_forgets_the_state(classifier: Classifier) -> None:
    before = coloured(("red", 10))
    after = coloured(("green", 10), start=100.0)
    results = push_all(classifier, before + after)
    gaps = [item for item in results if isinstance(item, Gap)]
    assert gaps == [Gap(pts_seconds=pytest.approx(1.0), reason="timestamp jump", resume_seconds=100.0)]
    assert events_of(results) == [("red", 0.0, 1.0), ("green", 100.0, 101.0)]
    # No row mixes both sides: each is what it is alone.
    alone = push_all(classifier, before) + push_all(classifier, after)
    assert [item for item in results if not isinstance(item, Gap)] == alone


def test_a_segment_shorter_than_the_window_gets_its_prediction_at_the_gap(classifier: Classifier) -> None:
    results = push_all(classifier, coloured(("red", 2)) + coloured(("green", 10), start=50.0))
    kinds = [type(item).__name__ for item in results[:4]]
    assert kinds == ["Prediction", "Event", "Gap", "Prediction"]
    assert events_of(results) == [("red", 0.0, 0.2), ("green", 50.0, 51.0)]


def test_a_change_of_size_is_a_gap(classifier: Classifier) -> None:
    small = [(1.0 + index / 10, colour_image("green", size_wh=(32, 32))) for index in range(10)]
    results = push_all(classifier, coloured(("red", 10)) + small)
    assert [item.reason for item in results if isinstance(item, Gap)] == ["frame size changed"]
    assert events_of(results) == [("red", 0.0, 1.0), ("green", 1.0, 2.0)]


def test_colour_order_is_the_callers(classifier: Classifier) -> None:
    stream = classifier.stream()
    results: list[Result] = []
    for pts_seconds, image in coloured(("red", 10)):
        results += stream.push(image[:, :, ::-1], pts_seconds=pts_seconds, color="rgb")
    assert events_of(results + stream.flush()) == [("red", 0.0, 1.0)]


def test_pushed_images_may_be_overwritten(classifier: Classifier) -> None:
    stream = classifier.stream(chunk_steps=16)
    buffer = np.empty((48, 64, 3), np.uint8)
    results: list[Result] = []
    for pts_seconds, image in coloured(("red", 10)):
        buffer[:] = image
        results += stream.push(buffer, pts_seconds=pts_seconds)
        buffer[:] = 0
    assert events_of(results + stream.flush()) == [("red", 0.0, 1.0)]


def test_a_flushed_stream_starts_anew_without_a_gap(classifier: Classifier) -> None:
    stream = classifier.stream()
    for start in (0.0, 500.0, 20.0):
        results: list[Result] = []
        for pts_seconds, image in coloured(("red", 10), start=start):
            results += stream.push(image, pts_seconds=pts_seconds)
        results += stream.flush()
        assert events_of(results) == [("red", start, start + 1)]
        assert not any(isinstance(item, Gap) for item in results)
    assert stream.flush() == []


def test_the_current_event_is_known_before_it_ends(classifier: Classifier) -> None:
    stream = classifier.stream()
    for pts_seconds, image in coloured(("blue", 10), ("red", 10)):
        stream.push(image, pts_seconds=pts_seconds)
    assert stream.current is not None
    assert stream.current.label == "red"
    assert stream.current.start_seconds == pytest.approx(1.0)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(st.tuples(st.sampled_from(["red", "green", "blue"]), st.integers(1, 12)), min_size=1, max_size=6),
    steps_ms=st.lists(st.sampled_from([20, 33, 100, 240, 7000, -900]), min_size=1, max_size=8),
    chunk_steps=st.integers(2, 20),
)
def test_results_do_not_depend_on_the_chunks(
    classifier: Classifier, runs: list[tuple[str, int]], steps_ms: list[int], chunk_steps: int
) -> None:
    frames: list[Frame] = []
    pts_ms = 0
    for index, (_, image) in enumerate(coloured(*runs)):
        frames.append((pts_ms / 1000, image))
        pts_ms += steps_ms[index % len(steps_ms)]
    single = push_all(classifier, frames)
    chunked = push_all(classifier, frames, chunk_steps=chunk_steps)
    assert events_of(chunked) == events_of(single)
    assert [type(item) for item in chunked if not isinstance(item, Event)] == [
        type(item) for item in single if not isinstance(item, Event)
    ]
    pairs = zip(
        (item for item in single if isinstance(item, Prediction)),
        (item for item in chunked if isinstance(item, Prediction)),
        strict=True,
    )
    for one, other in pairs:
        assert one.pts_seconds == other.pts_seconds
        assert list(one.probabilities.values()) == pytest.approx(list(other.probabilities.values()), abs=1e-5)


def test_live_equals_offline(classifier: Classifier, write_video: WriteVideo) -> None:
    from framestream.sources import VideoFile

    path = write_video(["blue"] * 40 + ["red"] * 50 + ["green"] * 31, fps=24.0)
    offline = [record for record in classifier.watch(path) if isinstance(record, (Prediction, Event))]
    source = VideoFile(path)
    frames = []
    while (pts_seconds := source.grab()) is not None:
        frames.append((pts_seconds, source.retrieve()))
    source.close()
    live = push_all(classifier, frames)
    assert events_of(live) == events_of(offline)
    assert len(live) == len(offline)


def test_chunk_steps_must_be_one_or_more(classifier: Classifier) -> None:
    with pytest.raises(SettingsError, match="chunk_steps"):
        classifier.stream(chunk_steps=0)


@pytest.mark.parametrize("color", ["BGR", "yuv", ""])
def test_a_colour_order_that_is_none_is_refused(classifier: Classifier, color: str) -> None:
    with pytest.raises(SettingsError, match="color="):
        classifier.stream().push(colour_image("red"), pts_seconds=0.0, color=color)  # type: ignore[arg-type]


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize(
    "image", [None, [[1]], np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 5), np.uint8)]
)
def test_an_image_that_is_none_is_refused_and_changes_nothing(
    classifier: Classifier, image: object, color: str
) -> None:
    frames = coloured(("red", 10)) + coloured(("green", 10), start=100.0)
    stream = classifier.stream()
    results: list[Result] = []
    for pts_seconds, good in frames:
        # Most of all at the gap, where the stream starts anew.
        with pytest.raises(SettingsError, match="not an image"):
            stream.push(image, pts_seconds=pts_seconds, color=color)  # type: ignore[arg-type]
        results += stream.push(good, pts_seconds=pts_seconds)
    assert results + stream.flush() == push_all(classifier, frames)
    assert (stream.counts.read, stream.counts.sampled, stream.counts.skipped) == (20, 20, 0)


def test_media_time_leaves_out_what_gaps_left_out(classifier: Classifier) -> None:
    stream = classifier.stream()
    for pts_seconds in (0.0, 0.1, 0.2, 100.0, 100.1):
        stream.push(colour_image("red"), pts_seconds=pts_seconds)
    assert stream.media_seconds == pytest.approx(0.3)
    stream.flush()
    assert stream.media_seconds == pytest.approx(0.3 + 0.2)


def test_the_score_of_an_event_of_any_length_is_the_mean(classifier: Classifier) -> None:
    results = push_all(classifier, coloured(("red", 300)))
    (event,) = (item for item in results if isinstance(item, Event))
    scores = [item.probabilities["red"] for item in results if isinstance(item, Prediction)]
    assert event.score == pytest.approx(np.mean(scores))
