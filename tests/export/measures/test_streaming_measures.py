"""Events in untrimmed recordings: the same as those of a watch, counted, timed, and tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from framestream.events import EventDetector
from framestream.model.spec import EventSettings
from framestream_export.measures.detection import detect, true_intervals
from framestream_export.measures.event_settings import middle_of_plateau, suggest_event_settings
from framestream_export.measures.labelled_intervals import LabelledInterval, covered_share, pair_intervals
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.untrimmed import StreamingFigures, measure_streaming
from tests.export.prediction_timelines import BACKGROUND, LABELS, RATE, TIMING, clip, film, sure

PLAIN = EventSettings(enter=0.6, leave=0.4, smoothing_seconds=0.0, min_seconds=0.0)


def find(
    timeline: PredictionTimeline, settings: EventSettings = PLAIN, timing: PredictionTiming = TIMING
) -> list[tuple[LabelledInterval, float]]:
    found = detect(timeline, LABELS, background=BACKGROUND, settings=settings, timing=timing)
    return [(one.interval, one.known_seconds) for one in found]


def measured(timelines: list[PredictionTimeline], settings: EventSettings = PLAIN) -> StreamingFigures:
    figures = measure_streaming(timelines, LABELS, background=BACKGROUND, settings=settings, timing=TIMING)
    assert figures is not None
    return figures


def perfect(events: list[tuple[float, float, str]], seconds: float) -> NDArray[np.float32]:
    """What an all-knowing model would say."""
    silent = sure([1] * round(seconds * RATE))
    labels = film(events, silent).labels
    return sure(labels.tolist())


def test_an_event_is_known_when_it_can_no_longer_be_dropped() -> None:
    events = [(2.0, 5.0, "wave")]
    timeline = film(events, perfect(events, 8.0))
    ((interval, known),) = find(timeline)
    assert (interval.start, interval.end, interval.label) == (
        pytest.approx(2.0, abs=0.11),
        pytest.approx(5.0, abs=0.11),
        "wave",
    )
    # The prediction about 2.0 s comes with the frame at 2.0 s + anchor 2 / 10.
    assert known == pytest.approx(interval.start + 0.2)
    ((_, later),) = find(timeline, replace(PLAIN, min_seconds=1.0))
    assert later == pytest.approx(interval.start + 0.2 + 1.0 - 0.1)
    ((smooth, known),) = find(timeline, replace(PLAIN, smoothing_seconds=0.5))
    assert smooth.start == pytest.approx(interval.start, abs=0.11)
    assert known == pytest.approx(smooth.start + 0.2 + 0.2, abs=0.11)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=60), st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0.0, 0.4])
)
def test_whatever_is_known_is_reported_and_nothing_shorter(
    predictions: list[int], smoothing: float, least: float
) -> None:
    settings = replace(PLAIN, smoothing_seconds=smoothing, min_seconds=least)
    timeline = film([], sure(predictions))
    detector = EventDetector(
        LABELS, background=BACKGROUND, settings=settings, frame_rate=RATE, anchor_frames=TIMING.anchor_frames
    )
    begin = float(timeline.pts_seconds[0]) - TIMING.lead_seconds
    detector.begin(begin)
    ticks = timeline.pts_seconds + TIMING.wait_seconds
    expected = [
        event for tick, row in zip(ticks, timeline.probabilities, strict=True) for event in detector.push(tick, row)
    ]
    expected += detector.flush(float(ticks[-1]) + 1 / RATE)
    found = find(timeline, settings)
    assert [interval for interval, _ in found] == [
        LabelledInterval(one.start_seconds, one.end_seconds, one.label) for one in expected
    ]
    for interval, known in found:
        assert known >= interval.start
        # Nobody waits for longer than until the first row after its end, or the end of the video.
        assert (
            known <= max(interval.end + TIMING.wait_seconds + smoothing / 2 + 0.1, float(ticks[-1]) + 1 / RATE) + 1e-6
        )


def test_nothing_holds_across_a_gap() -> None:
    predictions = [2] * 20
    assert len(find(film([], sure(predictions)))) == 1
    halves = find(film([], sure(predictions), breaks=[10]))
    assert len(halves) == 2


def test_segments_that_touch_are_one_event_and_those_unseen_none() -> None:
    events = [(0.0, 1.0, "wave"), (1.0, 2.0, "wave"), (2.5, 3.0, "idle"), (3.0, 9.0, "clap"), (50.0, 60.0, "wave")]
    intervals = true_intervals(film(events, sure([1] * 40)), background=BACKGROUND, timing=TIMING)
    assert [(interval.start, interval.label) for interval in intervals] == [(0.0, "wave"), (3.0, "clap")]
    assert intervals[1].end == pytest.approx(4.3)  # where the video ends


def test_the_figures_of_a_perfect_model() -> None:
    events = [(1.0, 3.0, "wave"), (5.0, 8.0, "clap")]
    figures = measured([film(events, perfect(events, 10.0)), clip("wave", [2] * 9)])
    for counts in figures.events.values():
        assert (counts[None].f1, counts["wave"].precision, counts["clap"].recall) == (1.0, 1.0, 1.0)
    assert figures.recordings == 1
    assert figures.video_seconds == pytest.approx(10.0)
    assert figures.background_seconds == pytest.approx(5.0, abs=0.21)
    assert (figures.false_alarms, figures.false_alarms_per_hour) == (0, 0.0)
    assert figures.delays == pytest.approx([0.2, 0.2], abs=0.1)
    assert figures.start_errors == pytest.approx([0.0, 0.0], abs=0.1)
    assert (figures.prediction_switches, figures.event_switches, figures.true_switches) == (4, 4, 4)


def test_alarms_out_of_nothing_are_distinguished_from_wrong_and_broken_events() -> None:
    events = [(10.0, 20.0, "wave")]
    predictions = [1] * 300
    predictions[20:30] = [0] * 10  # out of nothing
    predictions[98:140] = [2] * 42  # found late, and in two parts
    predictions[145:198] = [2] * 53
    predictions[150:152] = [0] * 2  # a wrong label for a moment
    figures = measured([film(events, sure(predictions))])
    counts = figures.events[0.1]
    assert (counts["wave"].true, counts["wave"].pairs) == (1, 1)
    assert counts[None].found == 5
    assert figures.false_alarms == 1
    assert figures.false_alarms_per_hour == pytest.approx(3600 / 20.0, rel=0.02)
    assert figures.events[0.5][None].pairs == 0


def test_time_nobody_knows_about_counts_nowhere() -> None:
    rows = sure([2] * 40 + [1] * 20)
    timeline = film([], rows)
    labels = timeline.labels.copy()
    labels[:40] = -1
    unknown = PredictionTimeline(
        timeline.recording, timeline.pts_seconds, timeline.probabilities, labels, timeline.breaks
    )
    figures = measured([unknown])
    assert (figures.events[0.1][None].found, figures.false_alarms) == (0, 0)
    assert measured([timeline]).false_alarms == 1


def test_trimmed_clips_have_no_events() -> None:
    assert (
        measure_streaming([clip("wave", [2] * 9)], LABELS, background=BACKGROUND, settings=PLAIN, timing=TIMING) is None
    )


SPANS = st.builds(
    lambda start, length, label: LabelledInterval(start, start + length, label),
    st.floats(0, 50),
    st.floats(0.1, 20),
    st.sampled_from(LABELS),
)


@given(st.lists(SPANS, max_size=8), st.lists(SPANS, max_size=8), st.floats(0.05, 0.95))
def test_pairs_are_one_to_one_and_a_stricter_overlap_finds_no_more(
    found: list[LabelledInterval], truth: list[LabelledInterval], least: float
) -> None:
    pairs = pair_intervals(found, truth, least_overlap=least)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(found[i].label == truth[j].label for i, j in pairs)
    assert len(pair_intervals(found, truth, least_overlap=min(1.0, least + 0.1))) <= len(pairs)
    assert len(pair_intervals(truth, truth, least_overlap=least)) == len(truth)


def test_covered_share() -> None:
    assert covered_share(
        LabelledInterval(0, 4, "wave"), [LabelledInterval(1, 2, "clap"), LabelledInterval(3, 9, "wave")]
    ) == pytest.approx(0.5)


def test_the_middle_of_a_plateau_is_not_its_edge() -> None:
    good = np.zeros((9, 9), bool)
    good[1:8, 2:7] = True
    assert middle_of_plateau(good) == (4, 4)
    good[0, 8] = True
    assert middle_of_plateau(good) == (4, 4)


def test_settings_for_a_model_that_is_rarely_sure() -> None:
    """True labels get 0.5, the background's doubts 0.3: the defaults would find nothing at all."""
    events = [(2.0 + 8 * index, 6.0 + 8 * index, "wave" if index % 2 else "clap") for index in range(8)]
    true_labels = film(events, sure([1] * 700)).labels
    rows = np.full((700, 3), 0.15, np.float32)
    rows[np.arange(700), true_labels] = 0.55
    rows[true_labels == 1] = (0.3, 0.4, 0.3)
    timeline = film(events, rows)
    default = EventSettings()
    assert measured([timeline], default).events[0.25][None].f1 == 0
    suggested = suggest_event_settings([timeline], LABELS, background=BACKGROUND, timing=TIMING)
    assert (suggested.origin, suggested.f1) == ("untrimmed", 1.0)
    assert 0.32 < suggested.settings.enter < 0.55
    assert measured([timeline], suggested.settings).events[0.5][None].f1 == 1.0
    assert "1 untrimmed recording" in suggested.reason


def test_good_defaults_are_kept_for_smoothing_and_duration() -> None:
    events = [(2.0, 6.0, "wave"), (9.0, 13.0, "clap")]
    suggested = suggest_event_settings(
        [film(events, perfect(events, 16.0))], LABELS, background=BACKGROUND, timing=TIMING
    )
    default = EventSettings()
    settings = suggested.settings
    assert (settings.smoothing_seconds, settings.min_seconds) == (default.smoothing_seconds, default.min_seconds)
    assert 0.5 <= settings.enter <= 0.75


def test_clips_set_enter_between_right_and_wrong_scores() -> None:
    right = [clip(label, [LABELS.index(label)] * 12, score=0.85) for label in ("clap", "wave", "clap", "wave")]
    wrong = [clip("idle", [0] * 12, score=0.55), clip("idle", [1] * 12)]
    suggested = suggest_event_settings([*right, *wrong], LABELS, background=BACKGROUND, timing=TIMING)
    assert (suggested.origin, suggested.f1) == ("clips", None)
    assert 0.55 < suggested.settings.enter < 0.85
    assert suggested.settings.leave == pytest.approx(suggested.settings.enter * 2 / 3, abs=0.01)
    assert "no untrimmed recording" in suggested.reason


def test_nothing_to_choose_on() -> None:
    own = EventSettings(enter=0.7, leave=0.2)
    suggested = suggest_event_settings(
        [clip("idle", [1] * 5)], ("clap", "idle"), background=BACKGROUND, timing=TIMING, default=own
    )
    assert (suggested.settings, suggested.origin) == (own, "default")
