import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import Event, EventDetector, EventSettings, OpenEvent, SettingsError

LABELS = ("idle", "wave", "clap")
RATE = 10.0
PLAIN = EventSettings(enter=0.6, leave=0.4, smoothing_seconds=0.0, min_seconds=0.0)


def detector(settings: EventSettings = PLAIN, *, anchor_frames: int = 0, begin: float | None = None) -> EventDetector:
    made = EventDetector(LABELS, background="idle", settings=settings, frame_rate=RATE, anchor_frames=anchor_frames)
    if begin is not None:
        made.begin(begin)
    return made


def rows(wave: list[float], clap: list[float] | None = None) -> list[list[float]]:
    clap = clap or [0.0] * len(wave)
    return [[1 - first - second, first, second] for first, second in zip(wave, clap, strict=True)]


def run(made: EventDetector, probabilities: list[list[float]], *, first: float, end: float) -> list[Event]:
    found: list[Event] = []
    for index, row in enumerate(probabilities):
        found += made.push(first + index / RATE, row)
    return found + made.flush(end)


def spans(found: list[Event]) -> list[tuple[str, float, float]]:
    return [(event.label, round(event.start_seconds, 6), round(event.end_seconds, 6)) for event in found]


def test_an_event_lasts_from_its_first_row_to_the_row_that_ends_it() -> None:
    found = run(detector(), rows([0, 0, 0.9, 0.8, 0.5, 0.3, 0]), first=0.0, end=0.7)
    assert spans(found) == [("wave", 0.2, 0.5)]
    assert found[0].score == pytest.approx((0.9 + 0.8 + 0.5) / 3)


def test_the_anchor_moves_events_to_when_they_happened() -> None:
    # Window of 4 at 10 fps: the first row comes at 0.3 s and speaks for the frame at 0.1 s.
    found = run(detector(anchor_frames=2, begin=0.0), rows([0, 0, 1, 1, 1, 0, 0]), first=0.3, end=1.0)
    assert spans(found) == [("wave", 0.3, 0.6)]


def test_smoothing_delays_nothing() -> None:
    # A step from 0 to 1 at 1.0 s and back at 2.0 s. Over 4 rows: reaches 0.6 with 3 of 4 (row 12), below 0.4 with 1 of
    # 4 (row 22); a mean of 4 rows speaks for 0.15 s before its newest.
    smooth = EventSettings(enter=0.6, leave=0.4, smoothing_seconds=0.4, min_seconds=0.0)
    found = run(detector(smooth), rows([0] * 10 + [1] * 10 + [0] * 10), first=0.0, end=3.0)
    assert spans(found) == [("wave", 1.05, 2.05)]


def test_the_first_row_speaks_for_all_before_it_and_the_last_for_all_after() -> None:
    found = run(detector(anchor_frames=8, begin=5.0), rows([1, 1, 1]), first=6.5, end=6.8)
    assert spans(found) == [("wave", 5.0, 6.8)]


def test_a_negative_anchor_dates_events_ahead() -> None:
    # The row of 0.7 s says what will be at 1.2 s.
    found = run(detector(anchor_frames=-5, begin=0.0), rows([0, 0, 1, 1, 1, 0, 0]), first=0.3, end=1.0)
    assert spans(found) == [("wave", 1.0, 1.3)], "it is told as soon as it is known, wherever the video ends"
    found = run(detector(anchor_frames=-5, begin=0.0), rows([0, 1, 1, 1, 1, 1, 1]), first=0.3, end=1.0)
    assert spans(found) == [("wave", 0.9, 1.0)]
    assert run(detector(anchor_frames=-5, begin=0.0), rows([0, 0, 0, 1, 1, 1, 1]), first=0.3, end=1.0) == []


def test_an_event_that_is_expected_is_known_before_it_begins() -> None:
    made = detector(anchor_frames=-5, begin=0.0)
    for number, wave in enumerate((0, 0, 1)):
        made.push(0.3 + number / RATE, [1 - wave, wave, 0])
    assert made.current is not None
    assert made.current.start_seconds == pytest.approx(0.5 + 0.5)


def test_without_a_begin_the_first_row_starts_at_its_own_time() -> None:
    assert spans(run(detector(anchor_frames=2), rows([1, 1]), first=1.0, end=1.2)) == [("wave", 0.8, 1.2)]


def test_probability_between_leave_and_enter_keeps_an_event_but_opens_none() -> None:
    assert run(detector(), rows([0.5] * 5), first=0.0, end=0.5) == []
    assert spans(run(detector(), rows([0.6, 0.4, 0.4]), first=0.0, end=0.3)) == [("wave", 0.0, 0.3)]


def test_another_label_takes_over_where_it_reaches_enter() -> None:
    settings = EventSettings(enter=0.5, leave=0.2, smoothing_seconds=0.0, min_seconds=0.0)
    found = run(detector(settings), rows([0.9, 0.5, 0.3, 0.3], [0.1, 0.45, 0.6, 0.6]), first=0.0, end=0.4)
    assert spans(found) == [("wave", 0.0, 0.2), ("clap", 0.2, 0.4)]


def test_short_events_are_dropped_and_exactly_long_enough_ones_kept() -> None:
    settings = EventSettings(smoothing_seconds=0.0, min_seconds=0.3)
    found = run(detector(settings), rows([1, 1, 0, 1, 1, 1, 0]), first=0.7, end=1.4)
    assert spans(found) == [("wave", 1.0, 1.3)]


def test_the_current_event_can_be_read_while_it_goes_on() -> None:
    made = detector()
    made.push(0.0, [1, 0, 0])
    assert made.current is None
    made.push(0.1, [0, 1, 0])
    assert made.current == OpenEvent("wave", 0.1)
    made.flush(0.2)
    assert made.current is None


def test_after_a_flush_nothing_of_before_is_left() -> None:
    smooth = EventSettings(smoothing_seconds=1.0, min_seconds=0.0)
    made = detector(smooth)
    run(made, rows([1] * 10), first=0.0, end=1.0)
    assert run(made, rows([0] * 10), first=50.0, end=51.0) == []
    assert spans(run(made, rows([1] * 10), first=0.0, end=1.0)) == [("wave", 0.0, 1.0)]


def test_the_background_is_never_an_event_and_without_one_everything_may_be() -> None:
    assert run(detector(), rows([0] * 10), first=0.0, end=1.0) == []
    everything = EventDetector(LABELS, background=None, settings=PLAIN, frame_rate=RATE)
    assert spans(run(everything, rows([0] * 10), first=0.0, end=1.0)) == [("idle", 0.0, 1.0)]


def test_rows_and_labels_must_fit() -> None:
    with pytest.raises(SettingsError, match="one per label"):
        detector().push(0.0, [0.5, 0.5])
    with pytest.raises(SettingsError, match="no label is left"):
        EventDetector(["idle"], background="idle", settings=PLAIN, frame_rate=RATE)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    sharpness=st.floats(0.5, 12),
    enter=st.floats(0.05, 1),
    leave_part=st.floats(0.05, 1),
    smoothing=st.floats(0, 1.5),
    minimum=st.floats(0, 1.5),
    window=st.integers(1, 20),
    ahead=st.integers(0, 15),
    begin=st.floats(0, 1e5),
)
def test_events_are_ordered_apart_long_enough_and_inside_the_video(
    seed: int,
    count: int,
    sharpness: float,
    enter: float,
    leave_part: float,
    smoothing: float,
    minimum: float,
    window: int,
    ahead: int,
    begin: float,
) -> None:
    logits = np.cumsum(np.random.default_rng(seed).normal(size=(count, 3)), axis=0) * sharpness / 3
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    settings = EventSettings(enter=enter, leave=enter * leave_part, smoothing_seconds=smoothing, min_seconds=minimum)
    first = begin + (window - 1) / RATE
    end = first + count / RATE
    made = detector(settings, anchor_frames=-ahead if ahead else window // 2, begin=begin)
    found = run(made, probabilities.tolist(), first=first, end=end)

    edges = [edge for event in found for edge in (event.start_seconds, event.end_seconds)]
    assert edges == sorted(edges)
    assert all(begin <= event.start_seconds < event.end_seconds <= end + ahead / RATE for event in found)
    assert all(event.end_seconds - event.start_seconds >= minimum - 1e-5 for event in found)
    assert all(event.label in ("wave", "clap") and settings.leave <= event.score + 1e-9 <= 1 + 1e-8 for event in found)
