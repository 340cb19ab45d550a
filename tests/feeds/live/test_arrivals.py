"""How old a frame is counts from when it could have been read, whoever stood still: reader, camera or network."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import Classifier, End, LiveSettings, Prediction, Record
from framestream.feeds.live.reader.arrival_clock import SETTLING_SECONDS, ArrivalClock
from tests.live_watching import reader_processes
from tests.promptness import PATIENCE_SECONDS, slowdown
from tests.servers.rtsp import RtspCamera

INTERVAL_SECONDS = 0.04
FROZEN_SECONDS = 2.5
MAX_LAG_SECONDS = 0.5


def lateness(times: Sequence[tuple[float, float]], waited: Sequence[bool] | None = None) -> list[float]:
    """How late each frame is said to be, of (timestamp, when it was read)."""
    clock = ArrivalClock()
    flags = waited or [True] * len(times)
    return [read - clock.place(pts, read, waited=flag) for (pts, read), flag in zip(times, flags, strict=True)]


def steady(frames: int, *, start: float = 0.0, pace: float = 1.0, delay: float = 0.0) -> list[tuple[float, float]]:
    """Frames that come as time goes by; `pace` is how fast the camera's clock is."""
    return [(start + i * INTERVAL_SECONDS * pace, start + i * INTERVAL_SECONDS + delay) for i in range(frames)]


def burst(frames: int, *, start: float, at: float) -> list[tuple[float, float]]:
    """Frames of a pause, all read at its end."""
    return [(start + i * INTERVAL_SECONDS, at + i * 0.001) for i in range(frames)]


def test_a_burst_after_a_pause_is_as_old_as_its_timestamps() -> None:
    paused = burst(50, start=2.0, at=4.0)
    after = steady(50, start=4.0)
    late = lateness([*steady(50), *paused, *after], [True] * 51 + [False] * 49 + [True] * 50)
    assert late[:50] == pytest.approx([0.0] * 50)
    assert late[50:100] == pytest.approx([read - pts for pts, read in paused])
    assert late[50] == pytest.approx(2.0)
    assert late[100:] == pytest.approx([0.0] * 50)


def test_a_reader_that_is_too_slow_is_ever_later() -> None:
    late = lateness(steady(200, pace=1.25), [True] * 10 + [False] * 190)
    assert late[-1] == 0.0
    late = lateness([(pts, read * 1.25) for pts, read in steady(200)], [True] * 10 + [False] * 190)
    assert late[-1] == pytest.approx(0.25 * 190 * INTERVAL_SECONDS, abs=0.2)


@given(pace=st.floats(0.05, 20.0), seed=st.integers(0, 99))
def test_no_clock_is_so_wrong_that_frames_are_dropped_for_it(pace: float, seed: int) -> None:
    draw = random.Random(seed)
    times = [(pts, read + draw.uniform(0, 0.02)) for pts, read in steady(2000, pace=pace)]
    assert max(lateness(times)) < SETTLING_SECONDS + 0.1


def test_a_delay_that_stays_is_the_cameras_own() -> None:
    late = lateness([*steady(50), *steady(100, start=2.0, delay=2.0)])
    assert late[50] == pytest.approx(2.0)
    assert late[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("jump_seconds", [-3600.0, -0.5, 0.5, 3600.0])
def test_a_clock_that_is_set_is_no_delay(jump_seconds: float) -> None:
    after = [(pts + jump_seconds, read) for pts, read in steady(100, start=2.0)]
    assert max(lateness([*steady(50), *after])) == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 5), st.booleans()), min_size=1, max_size=60))
def test_nothing_comes_after_it_was_read_and_order_stays(steps: list[tuple[float, float, bool]]) -> None:
    clock = ArrivalClock()
    pts = read = placed = 0.0
    for pts_step, read_step, waited in steps:
        pts, read = pts + pts_step, read + read_step
        at = clock.place(pts, read, waited=waited)
        assert at <= read
        assert at >= placed or pts_step < 0 or at == pytest.approx(placed)
        placed = at


def freeze_reader(camera: RtspCamera) -> Callable[[], None]:
    del camera
    [reader] = reader_processes()
    os.kill(reader, signal.SIGSTOP)
    return lambda: os.kill(reader, signal.SIGCONT)


def freeze_camera(camera: RtspCamera) -> Callable[[], None]:
    camera.freeze()
    return camera.thaw


@pytest.mark.parametrize("freeze", [freeze_reader, freeze_camera])
def test_what_piled_up_is_dropped(classifier: Classifier, freeze: Callable[[RtspCamera], Callable[[], None]]) -> None:
    settings = LiveSettings(open_seconds=60, stall_seconds=60)
    thawed = 0.0
    timers: list[threading.Timer] = []
    records: list[Record] = []
    with RtspCamera() as camera, classifier.watch(camera.url, live=settings, max_lag_seconds=MAX_LAG_SECONDS) as watch:
        deadline = time.monotonic() + PATIENCE_SECONDS
        for record in watch:
            assert time.monotonic() < deadline, records[-3:]
            records.append(record)
            answered = sum(isinstance(item, Prediction) for item in records)
            if not timers and answered == 10:
                timers.append(threading.Timer(FROZEN_SECONDS, freeze(camera)))
                timers[0].start()
            elif timers and not thawed and timers[0].finished.is_set():
                thawed = time.monotonic()
            elif thawed and time.monotonic() > thawed + 1.5:
                watch.stop()
    timers[0].join()
    end = records[-1]
    assert isinstance(end, End)
    # Of 25 samples those of the last half second may stay; without dropping all would.
    assert end.dropped["too slow"] >= 12
    assert end.frames_read == end.frames_sampled + end.frames_skipped + end.frames_dropped
    # The pause itself was no outage: all its frames came.
    assert end.gaps == 0
    ages = [item.staleness_seconds or 0.0 for item in records if isinstance(item, Prediction)]
    # As dropping promises, and the time that one answer takes.
    assert max(ages) < MAX_LAG_SECONDS + 0.5 * slowdown()
