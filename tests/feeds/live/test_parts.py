"""The parts of a live camera that need none: waits, reasons, times."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.errors import SettingsError
from framestream.feeds.live.failures import explain, no_response
from framestream.feeds.live.live_settings import Backoff, LiveSettings
from framestream.feeds.live.protocol import Finished, Progress
from framestream.feeds.live.reader.arrival_clock import StreamTimes
from framestream.feeds.live.timeline import Timeline
from framestream.records import Gap
from framestream.sampling.sampler import SamplingCounts

ADDRESS = "rtsp://me:pa55-w0rd@10.0.0.9:554/stream?token=t0ken"


def test_waits_double_up_to_the_cap() -> None:
    delays = Backoff(first_seconds=0.5, cap_seconds=4, jitter=0).delays()
    assert list(islice(delays, 6)) == [0.5, 1, 2, 4, 4, 4]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_waits_differ_by_their_jitter_and_never_pass_the_cap(draws: list[float]) -> None:
    numbers = iter(draws)
    backoff = Backoff(first_seconds=1, cap_seconds=10, jitter=0.2)
    plain = islice(Backoff(first_seconds=1, cap_seconds=10, jitter=0).delays(), len(draws))
    for delay, middle in zip(islice(backoff.delays(lambda: next(numbers)), len(draws)), plain, strict=True):
        assert 0.8 * middle - 1e-9 <= delay <= min(1.2 * middle + 1e-9, 10)


@pytest.mark.parametrize(
    "options", [{"first_seconds": 0}, {"first_seconds": 9, "cap_seconds": 8}, {"factor": 0.5}, {"jitter": 1}]
)
def test_waits_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="give"):
        Backoff(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"open_seconds": 0},
        {"open_seconds": 1e9},
        {"stall_seconds": float("nan")},
        {"stall_seconds": 1e300},
        {"first_retry_seconds": 9, "longest_retry_seconds": 8},
    ],
)
def test_live_settings_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=f"{'|'.join(options)}.*give"):
        LiveSettings(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("printed", "cause", "is_refusal"),
    [
        ("method DESCRIBE failed: 401 (Unauthorized)", "wrong user or password (401)", True),
        ("method DESCRIBE failed: 401 Unauthorized", "wrong user or password (401)", True),
        ("HTTP error 401 Unauthorized", "wrong user or password (401)", True),
        ("Server returned 401 Unauthorized (authorization failed)", "wrong user or password (401)", True),
        ("Server returned 4XX Client Error, but not one of 40{0,1,3,4}", "its server refuses the request", False),
        ("Server returned 5XX Server Error reply", "an error of its own", False),
        ("HTTP error 403 Forbidden", "access is not allowed (403)", True),
        ("method SETUP failed: 404 (Not Found)", "no such stream (404)", False),
        ("HTTP error 503 Service Unavailable", "no room for another viewer (503)", False),
        ("HTTP error 500 Internal Server Error", "an error of its own", False),
        ("Connection to tcp://127.0.0.1:1?timeout=0 failed: Connection refused", "connection refused", False),
        ("Failed to resolve hostname name.invalid: Name or service not known", "unknown host", False),
        ("Connection to tcp://10.0.0.9:554 failed: No route to host", "no way to its network", False),
        ("_opencv_ffmpeg_interrupt_callback Stream timeout triggered after 30503.401 ms", "no answer in time", False),
        ("moov atom not found", "no video", False),
        ("something new at 0.404 s", "cannot be opened", False),
        ("", "cannot be opened", False),
    ],
)
def test_what_ffmpeg_prints_becomes_a_cause(printed: str, cause: str, is_refusal: bool) -> None:
    printed = f"[tcp @ 0x55] about {ADDRESS}\n[OPENCV:FFMPEG:16] {printed}\nwhile opening '{ADDRESS}'\n"
    failure = explain(Finished("not opened"), stage="opening", printed=printed, exit_code=0)
    assert cause in failure.cause
    assert failure.is_refusal is is_refusal
    assert not any(secret in failure.cause for secret in ("me:", "pa55", "t0ken", "stream?"))


def test_other_ends_have_causes_of_their_own() -> None:
    def cause(finished: Finished, **options: object) -> str:
        return explain(finished, **{"stage": "reading", "printed": "", "exit_code": 0, **options}).cause  # type: ignore[arg-type]

    assert cause(Finished("ended")) == "the stream ended"
    assert cause(Finished("ended"), printed="Connection reset by peer") == "it broke off the connection"
    assert "too slow" in cause(Finished("behind"))
    assert cause(Finished("failed", "MemoryError")) == "reading failed: MemoryError"
    assert cause(Finished("died"), exit_code=-11) == "its reader process was ended by signal 11"
    assert "framestream doctor" in cause(Finished("died"), stage="starting", exit_code=1)
    assert no_response("reading", seconds=5, printed="").cause == "no frame for 5 s"
    assert "no frame within 10 s" in no_response("opening", seconds=10, printed="").cause
    assert "unknown host" in no_response("opening", seconds=10, printed="Failed to resolve hostname").cause


def times_of(raw: list[float], arrived: list[float], **options: object) -> list[float]:
    times = StreamTimes(**{"by_arrival": False, "declared_fps": 25.0, **options})  # type: ignore[arg-type]
    second = times.begin((raw[0], raw[1]), (arrived[0], arrived[1]))
    return [0.0, second, *(times.next(one, at) for one, at in zip(raw[2:], arrived[2:], strict=True))]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ([0.0, 0.04, 0.08, 0.12], [0.0, 0.04, 0.08, 0.12]),
        ([7000.0, 7000.04, 7000.08], [0.0, 0.04, 0.08]),
        # The first has none.
        ([0.0, 0.0, 0.04, 0.08], [0.0, 0.04, 0.08, 0.12]),
        ([0.0, -0.08, -0.04, 0.0, 0.04], [0.0, 0.04, 0.08, 0.12, 0.16]),
        # One in between has none; it came 5 s after the one before.
        ([1.0, 1.04, 0.0, 1.12], [0.0, 0.04, 5.04, 0.12]),
        # Its clock was set; the wall's was not.
        ([1.0, 1.04, 94945.0, 94945.04], [0.0, 0.04, 0.0, 0.04]),
        # What is less than a minute ahead may have lain in buffers.
        ([1.0, 1.04, 61.0, 61.04], [0.0, 0.04, 60.0, 60.04]),
        # None has any: the third is the first to be sure of.
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.04, 10.0, 15.0]),
    ],
    ids=[
        "plain",
        "high",
        "first missing",
        "first missing before others",
        "one missing",
        "set",
        "ahead",
        "all missing",
    ],
)
def test_times_count_from_the_first_frame(raw: list[float], wanted: list[float]) -> None:
    arrived = [100.0 + 5 * index for index in range(len(raw))]
    assert times_of(raw, arrived) == pytest.approx(wanted)


def test_times_by_arrival_do_not_look_at_timestamps() -> None:
    assert times_of([0.0, 0.04, 0.08], [50.0, 50.5, 51.5], by_arrival=True) == pytest.approx([0.0, 0.5, 1.5])


def progress(read: int, pts_seconds: float, arrived_seconds: float) -> Progress:
    counts = SamplingCounts(read=read, sampled=read, held=0, skipped=0)
    return Progress(counts, pts_seconds, pts_seconds + 0.1, arrived_seconds)


def test_an_outage_counts_as_time() -> None:
    timeline = Timeline()
    assert timeline.connect(arrived_seconds=1000.0, declared_fps=25, cause="") is None
    timeline.advance(progress(11, 1.0, 1001.0))
    gap = timeline.connect(arrived_seconds=1031.0, declared_fps=25, cause="it was off")
    # Ten frames a second were measured, whatever was declared; the last one ended at 1.1.
    assert gap == Gap(pts_seconds=1.1, reason="reconnected: it was off", resume_seconds=31.0, frames_lost=299)
    timeline.advance(progress(5, 0.4, 1031.4))
    assert timeline.end_seconds == pytest.approx(31.5)
    assert timeline.counts == SamplingCounts(read=16, sampled=16, held=0, skipped=0)


def test_time_never_goes_back_at_a_reconnect() -> None:
    timeline = Timeline()
    timeline.connect(arrived_seconds=1000.0, declared_fps=None, cause="")
    # Ten seconds of media came within one.
    timeline.advance(progress(101, 10.0, 1001.0))
    gap = timeline.connect(arrived_seconds=1001.01, declared_fps=None, cause="x")
    assert gap is not None
    assert gap.pts_seconds == gap.resume_seconds == pytest.approx(10.1)
    assert gap.frames_lost == 0


def test_what_cannot_be_estimated_is_not() -> None:
    timeline = Timeline()
    timeline.connect(arrived_seconds=1000.0, declared_fps=None, cause="")
    timeline.advance(progress(1, 0.0, 1000.0))
    gap = timeline.connect(arrived_seconds=1010.0, declared_fps=None, cause="x")
    assert gap is not None
    assert gap.frames_lost is None
