import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import Gap, Sample, SettingsError, SourceInfo, Status
from framestream.feeds.feed import Closed, Inbox, Missed, Opened
from framestream.feeds.inbox import INBOX_FULL, STOPPED, TOO_SLOW, WakeUpSignal
from framestream.feeds.items import Arrival, Notice
from framestream.sampling.sampler import SamplingCounts
from tests.promptness import PATIENCE_SECONDS

IMAGE = np.zeros((8, 8, 3), np.uint8)


def put_samples(inbox: Inbox, count: int, *, first: int = 0, held: bool = False) -> None:
    """Put samples whose tick and arrival are their number."""
    for number in range(first, first + count):
        inbox.put(Sample(IMAGE, float(number), held=held), arrived_seconds=float(number))


def drain(inbox: Inbox) -> list[Notice | Arrival]:
    """Everything that waits, in order."""
    items: list[Notice | Arrival] = []
    while more := [*inbox.take_notices(), *inbox.take_samples(1)]:
        items += more
    return items


def test_items_come_out_in_the_order_they_went_in() -> None:
    inbox = Inbox()
    opened, gap = Opened(SourceInfo(name="a", size_wh=(8, 8))), Gap(pts_seconds=2, reason="r", resume_seconds=9)
    inbox.put(opened, arrived_seconds=0)
    put_samples(inbox, 2)
    inbox.put(gap, arrived_seconds=0)
    put_samples(inbox, 1, first=9)
    assert inbox.take_notices() == [opened]
    assert [item.arrived_seconds for item in inbox.take_samples(16)] == [0, 1]
    assert inbox.take_samples(16) == []
    assert inbox.take_notices() == [gap]
    assert [item.sample.pts_seconds for item in inbox.take_samples(16)] == [9]
    assert drain(inbox) == []


def test_a_full_inbox_drops_the_oldest_and_leaves_a_note_in_their_place() -> None:
    inbox = Inbox(capacity=4)
    put_samples(inbox, 2, held=True)
    put_samples(inbox, 7, first=2)
    assert inbox.take_notices() == [Missed(0.0, 4.0, ticks=5, frames=3)]
    assert [item.sample.pts_seconds for item in inbox.take_samples(16)] == [5, 6, 7, 8]
    assert inbox.counts.dropped == {INBOX_FULL: 3}
    assert inbox.counts.dropped_held == 2


def test_what_is_too_old_is_dropped_and_the_newest_stay() -> None:
    inbox = Inbox()
    put_samples(inbox, 10)
    assert inbox.drop_older_than(7.0) == 7
    assert drain(inbox)[0] == Missed(0.0, 6.0, ticks=7, frames=7)
    assert inbox.counts.dropped == {TOO_SLOW: 7}
    assert inbox.drop_older_than(100.0) == 0


def test_a_gap_among_dropped_samples_survives() -> None:
    inbox = Inbox()
    put_samples(inbox, 2)
    gap = Gap(pts_seconds=2, reason="r", resume_seconds=50)
    inbox.put(gap, arrived_seconds=1)
    put_samples(inbox, 2, first=50)
    inbox.drop_older_than(51.0)
    items = drain(inbox)
    assert items[:3] == [Missed(0.0, 1.0, 2, 2), gap, Missed(50.0, 50.0, 1, 1)]
    assert isinstance(items[3], Arrival)


def test_who_can_wait_waits_for_room() -> None:
    inbox = Inbox(capacity=3)
    went_on: list[bool] = []

    def feed() -> None:
        for number in range(10):
            sample = Sample(IMAGE, float(number))
            went_on.append(
                inbox.put_waiting(sample, arrived_seconds=0.0, counts=SamplingCounts(number + 1, number + 1))
            )

    feeder = threading.Thread(target=feed)
    feeder.start()
    taken: list[float] = []
    while len(taken) < 10:
        taken += [item.sample.pts_seconds for item in inbox.take_samples(2)]
    feeder.join(PATIENCE_SECONDS)
    assert taken == [float(number) for number in range(10)]
    assert went_on == [True] * 10
    assert inbox.counts.dropped == {}
    assert inbox.counts.source == SamplingCounts(10, 10)


def test_dropping_releases_who_waits() -> None:
    inbox = Inbox(capacity=2)
    answers: list[bool] = []

    def feed() -> None:
        for number in range(4):
            answers.append(inbox.put_waiting(Sample(IMAGE, float(number)), arrived_seconds=float(number)))

    feeder = threading.Thread(target=feed)
    feeder.start()
    while len(answers) < 2:
        pass
    assert inbox.drop_older_than(1.5) == 2
    feeder.join(PATIENCE_SECONDS)
    assert not feeder.is_alive()
    assert answers == [True] * 4
    assert [type(item) for item in inbox.take_notices()] == [Missed]
    assert [item.sample.pts_seconds for item in inbox.take_samples(16)] == [2.0, 3.0]


def test_samples_before_a_gap_do_not_wait_for_more() -> None:
    inbox = Inbox()
    # Just arrived, however slow this machine is.
    now = time.monotonic() + PATIENCE_SECONDS
    for number in range(2):
        inbox.put(Sample(IMAGE, float(number)), arrived_seconds=now)
    assert not inbox.has_samples(8)
    inbox.put(Gap(pts_seconds=2, reason="r", resume_seconds=9), arrived_seconds=now)
    assert inbox.has_samples(8)
    inbox.put(Sample(IMAGE, 9.0), arrived_seconds=now)
    assert inbox.has_samples(8)


def test_stopping_releases_who_waits_and_counts_what_is_lost() -> None:
    inbox = Inbox(capacity=2)
    answers: list[bool] = []

    def feed() -> None:
        for number in range(4):
            answers.append(inbox.put_waiting(Sample(IMAGE, float(number)), arrived_seconds=0.0))

    feeder = threading.Thread(target=feed)
    feeder.start()
    while len(answers) < 2:
        pass
    inbox.stop()
    feeder.join(PATIENCE_SECONDS)
    assert not feeder.is_alive()
    assert answers == [True, True, False, False]
    assert inbox.counts.dropped == {STOPPED: 4}
    assert inbox.take_samples(16) == []


def test_a_waiting_inbox_is_ready_early_when_nothing_can_follow() -> None:
    inbox = Inbox()
    # Samples that will have arrived: they have not waited for long.
    put_samples(inbox, 3, first=1 << 40)
    assert not inbox.has_samples(16)
    assert inbox.has_samples(3)
    inbox.put(Closed(SamplingCounts(3, 3)), arrived_seconds=0)
    assert inbox.has_samples(16)


def test_a_camera_that_breaks_off_for_ever_does_not_fill_the_memory() -> None:
    inbox = Inbox(capacity=4)
    for number in range(10_000):
        inbox.put(Status(state="reconnecting", reason=str(number)), arrived_seconds=0)
        gap = Gap(pts_seconds=number, reason=f"outage {number}", resume_seconds=number + 0.5, frames_lost=2)
        inbox.put(gap, arrived_seconds=0)
        inbox.put(Sample(IMAGE, number + 0.5), arrived_seconds=0)
    items = drain(inbox)
    assert len(items) < 200
    gaps = [item for item in items if isinstance(item, Gap)]
    # Whatever was merged, nothing is forgotten: the gaps still reach from the first break to the last.
    assert (gaps[0].pts_seconds, gaps[-1].resume_seconds) == (0, 9999.5)
    assert sum(gap.frames_lost or 0 for gap in gaps) == 20_000
    assert [item for item in items if isinstance(item, Status)][-1].reason == "9999"
    assert sum(isinstance(item, Arrival) for item in items) == 4


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "hold", "gap", "take", "old", "stop"]), st.integers(1, 6)), max_size=60
    ),
    capacity=st.integers(1, 8),
)
def test_every_sample_is_taken_or_dropped_for_a_reason(steps: list[tuple[str, int]], capacity: int) -> None:
    inbox = Inbox(capacity=capacity)
    number = frames = held = taken = taken_held = 0
    missed: list[Missed] = []
    ticks: list[float] = []

    def fetch(limit: int) -> None:
        nonlocal taken, taken_held
        for notice in inbox.take_notices():
            if isinstance(notice, Missed):
                missed.append(notice)
                ticks.extend([notice.first_seconds, notice.last_seconds])
        for arrival in inbox.take_samples(limit):
            taken_held += arrival.sample.held
            taken += not arrival.sample.held
            ticks.append(arrival.sample.pts_seconds)

    for step, amount in steps:
        if step in ("put", "hold"):
            put_samples(inbox, amount, first=number, held=step == "hold")
            number += amount
            held += amount * (step == "hold")
            frames += amount * (step == "put")
        elif step == "gap":
            inbox.put(Gap(pts_seconds=number, reason="r", resume_seconds=number), arrived_seconds=0)
        elif step == "take":
            fetch(amount)
        elif step == "old":
            inbox.drop_older_than(number - amount)
        else:
            inbox.stop()
    while inbox.has_notices() or inbox.has_samples(1):
        fetch(16)
    counts = inbox.counts
    assert taken + sum(counts.dropped.values()) == frames
    assert taken_held + counts.dropped_held == held
    assert sum(item.ticks for item in missed) == sum(counts.dropped.values()) + counts.dropped_held
    assert ticks == sorted(ticks)


def test_an_inbox_has_room_for_something() -> None:
    with pytest.raises(SettingsError, match="capacity is 0"):
        Inbox(capacity=0)


def test_a_wake_up_signal_sent_before_the_wait_is_received_once() -> None:
    wake_up = WakeUpSignal()
    for _ in range(1000):
        wake_up.send()
    assert wake_up.wait(PATIENCE_SECONDS)
    assert not wake_up.wait(0.001)
    threading.Timer(0.01, wake_up.send).start()
    assert wake_up.wait(PATIENCE_SECONDS)


def test_samples_that_have_waited_for_long_wait_for_no_more() -> None:
    inbox = Inbox()
    assert not inbox.has_samples(16)
    put_samples(inbox, 1, first=1 << 40)
    assert not inbox.has_samples(16)
    inbox.take_samples(1)
    put_samples(inbox, 1, first=-(1 << 40))
    assert inbox.has_samples(16)
