"""Who scales the images of a recording: its feed and its consumer, each when it has time, and each image once."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import Gap, Sample
from framestream.feeds.feed import Closed, Inbox
from framestream.feeds.inbox import RECORDED_CAPACITY, STOPPED
from framestream.feeds.items import Arrival, Notice
from framestream.frames import Image
from framestream.sampling.sampler import SamplingCounts
from tests.promptness import PATIENCE_SECONDS


def numbered(number: int) -> Image:
    """An image that shows which one it is."""
    return np.full((2, 2, 3), number, np.uint8)


def doubled(image: Image) -> Image:
    """What scaling makes of an image, in these tests."""
    return image * 2


class Feeding:
    """A thread that puts numbered samples, every third of them held; then it closes, unless it was told to stop."""

    def __init__(self, inbox: Inbox, count: int, *, fit: Callable[[Image], Image] = doubled) -> None:
        self.inbox, self.count, self.fit = inbox, count, fit
        self.put = 0
        self.thread = threading.Thread(target=self._run, name="feeder")
        self.thread.start()

    def _run(self) -> None:
        image = numbered(0)
        for number in range(self.count):
            held = number % 3 == 2
            image = image if held else numbered(number)
            sample = Sample(image, float(number), held=held)
            counts = SamplingCounts(number + 1, number + 1)
            if not self.inbox.put_waiting(sample, arrived_seconds=time.monotonic(), counts=counts, fit=self.fit):
                break
            self.put += 1
        self.inbox.put(Closed(SamplingCounts(self.put, self.put)), arrived_seconds=0.0)

    def join(self) -> None:
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()


def take_all(inbox: Inbox, *, nap_seconds: float = 0.0) -> list[Notice | Arrival]:
    """Everything up to the end, taken and scaled as the engine does."""
    items: list[Notice | Arrival] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (items and isinstance(items[-1], Closed)):
        assert time.monotonic() < deadline, items
        more = [*inbox.take_notices(), *(inbox.take_samples(8) if inbox.has_samples(8) else [])]
        items += more
        if not more and not inbox.scale_one():
            time.sleep(nap_seconds or 0.0001)
    return items


def shown(items: list[Notice | Arrival]) -> list[int]:
    return [int(item.sample.image[0, 0, 0]) for item in items if isinstance(item, Arrival)]


@given(count=st.integers(0, 40), nap_seconds=st.sampled_from([0.0, 0.002]))
def test_every_image_is_scaled_once_and_comes_in_order(count: int, nap_seconds: float) -> None:
    scaled: list[int] = []

    def fit(image: Image) -> Image:
        scaled.append(int(image[0, 0, 0]))
        return doubled(image)

    inbox = Inbox()
    feeding = Feeding(inbox, count, fit=fit)
    items = take_all(inbox, nap_seconds=nap_seconds)
    feeding.join()
    assert [item.sample.pts_seconds for item in items if isinstance(item, Arrival)] == list(range(count))
    assert shown(items) == [2 * (number - (number % 3 == 2)) for number in range(count)]
    assert sorted(scaled) == [number for number in range(count) if number % 3 != 2]


def test_the_consumer_scales_while_more_is_read() -> None:
    scaling: list[threading.Thread] = []

    def fit(image: Image) -> Image:
        scaling.append(threading.current_thread())
        return doubled(image)

    inbox = Inbox()
    Feeding(inbox, 4, fit=fit).join()
    # Fewer than may wait, so all are the consumer's.
    assert scaling == []
    assert shown(take_all(inbox)) == [0, 2, 2, 6]
    assert scaling == [threading.current_thread()] * 3


def test_the_feed_scales_while_the_consumer_is_busy() -> None:
    scaling: dict[int, threading.Thread] = {}

    def fit(image: Image) -> Image:
        scaling[int(image[0, 0, 0])] = threading.current_thread()
        return doubled(image)

    inbox = Inbox()
    feeding = Feeding(inbox, 60, fit=fit)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while feeding.put < RECORDED_CAPACITY:
        assert time.monotonic() < deadline
    # The consumer has not looked yet: what is more than a few is scaled.
    assert feeding.thread in scaling.values()
    assert shown(take_all(inbox)) == [2 * (number - (number % 3 == 2)) for number in range(60)]
    feeding.join()


def test_samples_that_wait_hold_only_a_few_large_pictures() -> None:
    inbox = Inbox()
    feeding = Feeding(inbox, 60)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while feeding.put < RECORDED_CAPACITY:
        assert time.monotonic() < deadline
    waiting = [item for item in inbox._items if isinstance(item, Arrival)]
    assert all(item.sample.image.size == 0 for item in waiting)
    assert sum(not item.is_ready for item in waiting) <= 8
    assert len({id(item.picture) for item in waiting if not item.is_ready}) <= 5
    inbox.stop()
    feeding.join()


def failing(*numbers: int) -> Callable[[Image], Image]:
    def fit(image: Image) -> Image:
        if int(image[0, 0, 0]) in numbers:
            raise OSError(f"no picture {image[0, 0, 0]}")
        return doubled(image)

    return fit


@pytest.mark.parametrize("numbers", [(4,), (3, 4), (9, 4), (10,)])
def test_what_cannot_be_scaled_ends_it_after_what_came_before(numbers: tuple[int, ...]) -> None:
    inbox = Inbox()
    feeding = Feeding(inbox, 10**9, fit=failing(*numbers))
    items = take_all(inbox)
    feeding.join()
    first = min(numbers)
    assert [item.sample.pts_seconds for item in items if isinstance(item, Arrival)] == list(range(first))
    closed = items[-1]
    assert isinstance(closed, Closed)
    assert str(closed.error) == f"no picture {first}"
    # Nothing follows, whatever the feed still puts.
    inbox.put(Closed(SamplingCounts()), arrived_seconds=0.0)
    assert [*inbox.take_notices(), *inbox.take_samples(9)] == []
    counts = inbox.counts
    assert counts.source.sampled - counts.dropped[STOPPED] + counts.source.held - counts.dropped_held >= 0


def test_an_interrupted_consumer_may_go_on() -> None:
    interrupts = [KeyboardInterrupt()]

    def fit(image: Image) -> Image:
        if interrupts and int(image[0, 0, 0]) == 1:
            raise interrupts.pop()
        return doubled(image)

    inbox = Inbox()
    Feeding(inbox, 4, fit=fit).join()
    with pytest.raises(KeyboardInterrupt):
        take_all(inbox)
    assert shown(take_all(inbox)) == [0, 2, 2, 6]


def test_a_stop_lets_go_of_what_waits_to_be_scaled() -> None:
    inbox = Inbox()
    feeding = Feeding(inbox, 10**9)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while feeding.put < 3:
        assert time.monotonic() < deadline
    inbox.stop()
    feeding.join()
    assert not inbox.scale_one()
    assert not any(isinstance(item, (Arrival, Gap)) for item in take_all(inbox))


def test_a_stopped_inbox_takes_no_more_pictures() -> None:
    inbox = Inbox()
    inbox.stop()
    assert not inbox.put_waiting(Sample(numbered(1), 0.0), arrived_seconds=0.0, fit=doubled)
    assert not inbox.scale_one()
