import math
from functools import partial
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import Gap, SettingsError
from framestream.sampling.clock import SamplingClock, frames_to_hold
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, SamplingCounts, sample
from tests.conftest import colour_image
from tests.image_source import ImageSource

IMAGE = np.zeros((4, 6, 3), np.uint8)


def served(clock: SamplingClock, times: list[float]) -> list[tuple[float, bool]]:
    """Each tick with whether it was held."""
    ticks: list[tuple[float, bool]] = []
    for pts_seconds in times:
        step = clock.advance(pts_seconds)
        assert step.gap is None
        ticks += [(tick, True) for tick in step.held_seconds]
        ticks += [] if step.tick_seconds is None else [(step.tick_seconds, False)]
    return ticks


def test_each_tick_takes_the_first_frame_at_or_after_it() -> None:
    clock = SamplingClock(10.0)
    steps = [clock.advance(pts).tick_seconds for pts in (1.0, 1.05, 1.0995, 1.15, 1.23, 1.29, 1.3)]
    assert steps == [1.0, None, 1.1, None, 1.2, None, 1.3]


def test_ticks_no_frame_reached_hold_the_last_sample() -> None:
    clock = SamplingClock(10.0)
    clock.advance(0.0)
    step = clock.advance(0.35)
    assert step.held_seconds == (0.1, 0.2)
    assert step.tick_seconds == pytest.approx(0.3)


@pytest.mark.parametrize("fps", [24000 / 1001, 25.0, 30000 / 1001, 30.0, 59.94, 120.0])
def test_a_long_constant_rate_video_neither_drifts_nor_holds(fps: float) -> None:
    # Timestamps on Matroska's millisecond grid, for ten minutes.
    times = [round(index / fps, 3) for index in range(int(600 * fps))]
    ticks = served(SamplingClock(10.0), times)
    assert [tick for tick, _ in ticks] == [index / 10 for index in range(6000)]
    assert not any(held for _, held in ticks)


@given(
    start_ms=st.integers(0, 10**7),
    steps_ms=st.lists(st.integers(1, 900), max_size=80),
    period_ms=st.sampled_from([40, 80, 100, 125]),
)
def test_the_clock_agrees_with_looking_at_each_tick(start_ms: int, steps_ms: list[int], period_ms: int) -> None:
    # Half a millisecond keeps every frame off the edges of the tolerance, where rounding would decide.
    offsets = [0.0, *(offset + 0.5 for offset in accumulate(steps_ms))]
    ticks = served(SamplingClock(1000 / period_ms), [(start_ms + offset) / 1000 for offset in offsets])

    expected: list[tuple[float, bool]] = []
    for index in range(math.floor((offsets[-1] + 1) / period_ms) + 1):
        first = next(offset for offset in offsets if offset + 1 >= index * period_ms)
        expected.append(((start_ms + index * period_ms) / 1000, first + 1 >= (index + 1) * period_ms))
    assert [held for _, held in ticks] == [held for _, held in expected]
    assert [tick for tick, _ in ticks] == pytest.approx([tick for tick, _ in expected])


@given(times=st.lists(st.floats(-100, 100), min_size=1, max_size=60))
def test_any_timestamps_give_an_orderly_stream(times: list[float]) -> None:
    source = ImageSource([(pts, IMAGE) for pts in times])
    sampler = Sampler(SamplingClock(10.0))
    counts = sampler.counts
    last = -math.inf
    for item in sample(source, sampler):
        if isinstance(item, Gap):
            last = -math.inf
        else:
            assert item.pts_seconds > last
            last = item.pts_seconds
    assert counts.read == len(times) == counts.sampled + counts.skipped


@pytest.mark.parametrize(
    ("times", "reason", "ended", "resumed"),
    [
        ([10.0, 10.1, 2.0], "timestamp went back", 10.2, 2.0),
        ([10.0, 10.1, 15.2], "timestamp jump", 10.2, 15.2),
    ],
)
def test_a_break_in_time_is_a_gap_and_anchors_the_clock_anew(
    times: list[float], reason: str, ended: float, resumed: float
) -> None:
    items = list(sample(ImageSource([(pts, IMAGE) for pts in times]), SamplingClock(10.0)))
    gap, first = items[-2:]
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.resume_seconds) == (reason, resumed)
    assert gap.pts_seconds == pytest.approx(ended)
    assert first == Sample(IMAGE, resumed)


def test_a_pause_up_to_the_limit_is_held() -> None:
    items = list(sample(ImageSource([(0.0, IMAGE), (5.0, IMAGE)]), SamplingClock(10.0)))
    assert len(items) == 51
    assert sum(item.held for item in items if isinstance(item, Sample)) == 49


@pytest.mark.parametrize("times", [[0.0, 0.0, 0.0], [0.0, 0.1, 0.05, 0.1]])
def test_frames_whose_time_does_not_advance_are_skipped(times: list[float]) -> None:
    clock = SamplingClock(10.0)
    ticks = served(clock, times)
    assert [tick for tick, _ in ticks] == sorted(set(times) - {0.05})


def test_a_change_of_size_is_a_gap_at_the_frame_before() -> None:
    frames = [(0.0, colour_image("red")), (0.1, colour_image("red")), (0.2, colour_image("red", size_wh=(32, 32)))]
    sampler = Sampler(SamplingClock(10.0))
    items = list(sample(ImageSource(frames), sampler))
    assert [type(item) for item in items] == [Sample, Sample, Gap, Sample]
    assert items[2] == Gap(pts_seconds=pytest.approx(0.2), reason="frame size changed", resume_seconds=0.2)
    assert sampler.clock.start_seconds == 0.2
    assert sampler.clock.end_seconds == pytest.approx(0.3)


def test_a_reset_clock_starts_anew_without_a_gap() -> None:
    clock = SamplingClock(10.0)
    clock.advance(0.0)
    clock.reset()
    assert clock.end_seconds is None
    assert clock.advance(100.0).gap is None


def test_only_sampled_frames_are_retrieved_and_prepared_once() -> None:
    retrieved: list[float] = []

    class Counting(ImageSource):
        def retrieve(self) -> np.ndarray:
            retrieved.append(self._index)
            return super().retrieve()

    source = Counting([(index / 100, IMAGE) for index in range(40)] + [(0.95, IMAGE)])
    sampler = Sampler(SamplingClock(10.0), prepare=lambda image: image + 1)
    items = [item for item in sample(source, sampler) if isinstance(item, Sample)]
    assert retrieved == [0, 10, 20, 30, 40]
    assert len(items) == 10
    assert all((item.image == 1).all() for item in items)


@pytest.mark.parametrize("rejected_at", [0.0, 0.4, 0.35, 50.0])
def test_a_frame_that_fails_leaves_everything_as_it_was(rejected_at: float) -> None:
    times = [0.0, 0.1, 0.2, 0.3, 50.1, 50.2, 50.3]

    def fail() -> np.ndarray:
        raise OSError("damaged")

    def items_of(*, rejected: bool) -> tuple[list[Sample | Gap], Sampler]:
        sampler = Sampler(SamplingClock(10.0))
        items: list[Sample | Gap] = []
        if rejected and rejected_at == 0.0:
            with pytest.raises(OSError, match="damaged"):
                sampler.take(rejected_at, fail)
        for pts in times:
            if rejected and rejected_at > 0.0 and pts == 50.1:
                # At the gap, and where ticks would be held.
                with pytest.raises(OSError, match="damaged"):
                    sampler.take(rejected_at + 0.15, fail)
            items += sampler.take(pts, lambda: IMAGE)
        return items, sampler

    (plain, without), (found, with_one) = items_of(rejected=False), items_of(rejected=True)
    assert found == plain
    assert [item.resume_seconds for item in found if isinstance(item, Gap)] == [50.1]
    assert with_one.counts == without.counts
    assert with_one.counts.read == with_one.counts.sampled + with_one.counts.skipped == len(times)


def test_a_change_of_size_that_fails_is_still_a_gap_for_the_next_frame() -> None:
    small = colour_image("red", size_wh=(32, 32))
    sampler = Sampler(SamplingClock(10.0), prepare=partial(fit_frame, size_wh=(8, 8)))
    sampler.take(0.0, lambda: colour_image("red"))
    with pytest.raises(SettingsError, match="not an image"):
        sampler.take(0.1, lambda: small.astype(np.float32))
    gap, first = sampler.take(0.2, lambda: small)
    assert gap == Gap(pts_seconds=pytest.approx(0.1), reason="frame size changed", resume_seconds=0.2)
    assert isinstance(first, Sample)
    assert sampler.counts == SamplingCounts(read=2, sampled=2)


def test_samples_end_before_the_frame_after_a_stop_even_where_none_is_wanted() -> None:
    grabbed: list[float] = []

    class Still(ImageSource):
        def grab(self) -> float | None:
            grabbed.append(0.0)
            return 0.0

    # Only the first of these frames is ever sampled; without the check it would go on for ever.
    items = sample(Still([(0.0, IMAGE)]), Sampler(SamplingClock(10.0)), stopped=lambda: len(grabbed) >= 20)
    assert len(list(items)) == 1
    assert len(grabbed) == 20


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError, match="frame_rate"):
        SamplingClock(rate)


def test_a_timestamp_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="pts_seconds"):
        SamplingClock(10.0).advance(math.nan)


@pytest.mark.parametrize(("sampled", "expected"), [(0, 0), (1, 15), (15, 1), (16, 0), (40, 0)])
def test_frames_to_hold_fill_exactly_one_window(sampled: int, expected: int) -> None:
    assert frames_to_hold(sampled, 16) == expected
