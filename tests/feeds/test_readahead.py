import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.feeds.readahead import ReadAhead, StopFlag
from tests.promptness import PATIENCE_SECONDS


def numbers(count: int, *, seen: list[int] | None = None, fail_at: int | None = None) -> Iterator[int]:
    for number in range(count):
        if number == fail_at:
            raise OSError(f"broken at {number}")
        if seen is not None:
            seen.append(number)
        yield number


def drain(reader: ReadAhead[int]) -> list[list[int]]:
    chunks = []
    while chunk := reader.next_chunk():
        chunks.append(chunk)
    return chunks


def join_threads_since(before: set[threading.Thread]) -> None:
    """Wait until threads that came after have ended; perhaps they have already, which is as good."""
    # Not by joining: one of them may be just starting another.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while started := set(threading.enumerate()) - before:
        assert time.monotonic() < deadline, started
        time.sleep(0.001)


def take(reader: ReadAhead[int], count: int) -> list[int]:
    """Take so many, or up to a chunk more."""
    taken: list[int] = []
    while len(taken) < count and (chunk := reader.next_chunk()):
        taken += chunk
    return taken


@pytest.mark.parametrize("count", [0, 1, 4, 9, 100])
def test_everything_comes_in_order_at_most_a_chunk_at_once(count: int) -> None:
    chunks = drain(ReadAhead(numbers(count), chunk=4))
    assert all(0 < len(chunk) <= 4 for chunk in chunks)
    assert [number for chunk in chunks for number in chunk] == list(range(count))


@pytest.mark.parametrize("prepare", [None, abs])
def test_two_chunks_are_read_ahead_and_no_more(prepare: Callable[[int], int] | None) -> None:
    seen: list[int] = []
    before = set(threading.enumerate())
    reader = ReadAhead(numbers(100, seen=seen), chunk=4, prepare=prepare)
    taken: list[int] = []
    for _ in range(3):
        taken += reader.next_chunk()
        # Without being asked; and then nobody waits for the consumer to go on.
        join_threads_since(before)
        assert seen == list(range(len(taken) + 8))
    assert taken == list(range(len(taken)))


def test_reading_goes_on_while_the_consumer_works() -> None:
    read = [threading.Event() for _ in range(100)]

    def items() -> Iterator[int]:
        for number in range(len(read)):
            read[number].set()
            yield number

    reader = ReadAhead(items(), chunk=4)
    taken = 0
    while taken < 50:
        taken += len(reader.next_chunk())
        assert read[taken + 7].wait(PATIENCE_SECONDS), "reading stood still until the next chunk was asked for"
    reader.close()


def test_the_consumer_prepares_while_more_is_read() -> None:
    read = threading.Event()
    preparing: list[threading.Thread] = []

    def items() -> Iterator[int]:
        yield from numbers(3)
        read.set()

    def prepare(number: int) -> int:
        preparing.append(threading.current_thread())
        assert read.wait(PATIENCE_SECONDS), "nothing was read while this was prepared"
        return -number

    # Fewer than may wait, so all are the consumer's.
    assert take(ReadAhead(items(), chunk=4, prepare=prepare), 3) == [0, -1, -2]
    assert preparing == [threading.current_thread()] * 3


def test_the_reader_prepares_while_the_consumer_is_busy() -> None:
    preparing: dict[int, threading.Thread] = {}

    def prepare(number: int) -> int:
        preparing[number] = threading.current_thread()
        return -number

    before = set(threading.enumerate())
    reader = ReadAhead(numbers(100), chunk=16, prepare=prepare)
    taken = reader.next_chunk()
    join_threads_since(before)
    # All that was read ahead is ready but for the few that may wait.
    assert len(preparing) >= len(taken) + 32 - 5
    here = threading.current_thread()
    assert any(thread is not here for thread in preparing.values())
    assert [*taken, *(number for chunk in drain(reader) for number in chunk)] == [-number for number in range(100)]
    assert set(preparing) == set(range(100))


@pytest.mark.parametrize("fails", [[5], [5, 6], [9, 5], [3, 11]])
def test_what_cannot_be_prepared_is_an_error_after_the_items_before_it(fails: list[int]) -> None:
    def prepare(number: int) -> int:
        if number in fails:
            raise OSError(f"no picture {number}")
        return number

    reader = ReadAhead(numbers(10**9), chunk=4, prepare=prepare)
    first = min(fails)
    taken: list[int] = []
    while len(taken) < first:
        taken += reader.next_chunk()
    assert taken == list(range(first))
    with pytest.raises(OSError, match=f"no picture {first}"):
        reader.next_chunk()
    assert reader.next_chunk() == []


@pytest.mark.parametrize("source_fails", [False, True])
def test_of_two_errors_the_first_item_s_is_raised_whichever_thread_was_the_faster(source_fails: bool) -> None:
    later_failed = threading.Event()
    consumer = threading.current_thread()

    def items() -> Iterator[int]:
        yield from numbers(10, fail_at=9 if source_fails else None)

    def prepare(number: int) -> int:
        if threading.current_thread() is not consumer:
            later_failed.set()
            raise OSError(f"late {number}")
        if number == 1:
            assert later_failed.wait(PATIENCE_SECONDS)
            raise OSError("early")
        return number

    reader = ReadAhead(items(), chunk=16, prepare=prepare)
    assert take(reader, 1) == [0]
    with pytest.raises(OSError, match="early"):
        reader.next_chunk()
    assert reader.next_chunk() == []


def test_an_error_does_not_wait_for_a_source_that_blocks() -> None:
    go_on = threading.Event()

    def items() -> Iterator[int]:
        yield from numbers(2)
        assert go_on.wait(PATIENCE_SECONDS)
        yield 2

    def prepare(number: int) -> int:
        if number == 1:
            raise OSError("no picture")
        return number

    reader = ReadAhead(items(), chunk=4, prepare=prepare)
    assert take(reader, 1) == [0]
    with pytest.raises(OSError, match="no picture"):
        reader.next_chunk()
    assert reader.next_chunk() == []
    go_on.set()
    reader.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_item_is_not_lost_to_an_interrupt_beside_its_preparation(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts = [KeyboardInterrupt()]
    make_ready = ReadAhead._make_ready

    def interrupted(self: ReadAhead[int], item: Any) -> None:
        if when == "after":
            make_ready(self, item)
        if interrupts and item.value == 2:
            raise interrupts.pop()
        if when == "before":
            make_ready(self, item)

    monkeypatch.setattr(ReadAhead, "_make_ready", interrupted)
    # Fewer than may wait, so all are the consumer's.
    reader = ReadAhead(numbers(4), chunk=4, prepare=abs)
    taken: list[int] = []

    def take_all() -> None:
        while chunk := reader.next_chunk():
            taken.extend(chunk)

    with pytest.raises(KeyboardInterrupt):
        take_all()
    assert [*taken, *(number for chunk in drain(reader) for number in chunk)] == [0, 1, 2, 3]


def test_a_consumer_interrupted_while_it_prepares_may_go_on() -> None:
    interrupts = [KeyboardInterrupt()]

    def prepare(number: int) -> int:
        if number == 2 and interrupts:
            raise interrupts.pop()
        return number

    reader = ReadAhead(numbers(3), chunk=4, prepare=prepare)
    with pytest.raises(KeyboardInterrupt):
        take(reader, 3)
    # Nothing had been taken.
    assert [number for chunk in drain(reader) for number in chunk] == [0, 1, 2]


@pytest.mark.parametrize("prepare", [None, abs])
def test_an_error_comes_after_the_items_before_it_and_then_it_is_over(prepare: Callable[[int], int] | None) -> None:
    reader = ReadAhead(numbers(20, fail_at=6), chunk=4, prepare=prepare)
    assert take(reader, 6) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(OSError, match="broken at 6"):
        reader.next_chunk()
    assert reader.next_chunk() == []


@pytest.mark.parametrize("prepare", [None, abs])
def test_an_abandoned_reader_leaves_no_thread(prepare: Callable[[int], int] | None) -> None:
    before = set(threading.enumerate())
    reader = ReadAhead(numbers(10**9), chunk=4, prepare=prepare)
    assert reader.next_chunk()
    join_threads_since(before)


def test_a_stop_ends_waiting_for_a_source_that_ends_with_it() -> None:
    started, stopped = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        started.set()
        assert stopped.wait(PATIENCE_SECONDS)
        yield from numbers(10**9)

    stop = StopFlag()
    reader = ReadAhead(items(), chunk=4, stop=stop)
    consumer = threading.Thread(target=reader.next_chunk, name="consumer")
    consumer.start()
    assert started.wait(PATIENCE_SECONDS)
    stop.set()
    stopped.set()
    consumer.join(PATIENCE_SECONDS)
    assert not consumer.is_alive()
    reader.close()
    reader.close()


def test_nothing_is_read_after_close() -> None:
    seen: list[int] = []
    reader = ReadAhead(numbers(100, seen=seen), chunk=4)
    taken = reader.next_chunk()
    reader.close()
    read = len(seen)
    # What had been read is there; that it is not wanted any more is for the consumer to say.
    assert [*taken, *(number for chunk in drain(reader) for number in chunk)] == list(range(read))
    assert len(seen) == read <= len(taken) + 8


@pytest.mark.parametrize("prepare", [None, abs])
def test_a_stop_in_the_middle_ends_it_after_the_item_that_is_read(prepare: Callable[[int], int] | None) -> None:
    stop = StopFlag()
    seen: list[int] = []

    def items() -> Iterator[int]:
        for number in numbers(100, seen=seen):
            if number == 9:
                stop.set()
            yield number

    before = set(threading.enumerate())
    reader = ReadAhead(items(), chunk=4, stop=stop, prepare=prepare)
    assert [number for chunk in drain(reader) for number in chunk] == list(range(10)) == seen
    join_threads_since(before)


@given(
    count=st.integers(0, 40),
    fails=st.booleans(),
    chunk=st.integers(1, 9),
    prepared=st.booleans(),
    naps=st.lists(st.sampled_from([0.0, 0.0005]), max_size=8),
)
def test_nothing_is_lost_or_out_of_order_however_fast_the_consumer_is(
    count: int, fails: bool, chunk: int, prepared: bool, naps: list[float]
) -> None:
    before = set(threading.enumerate())
    items = numbers(count + fails, fail_at=count if fails else None)
    reader = ReadAhead(items, chunk=chunk, prepare=abs if prepared else None)
    taken: list[int] = []
    for nap in [*naps, *[0.0] * count]:
        time.sleep(nap)
        if len(taken) == count:
            break
        numbers_taken = reader.next_chunk()
        assert 0 < len(numbers_taken) <= chunk
        taken += numbers_taken
    assert taken == list(range(count))
    if fails:
        with pytest.raises(OSError, match=f"broken at {count}"):
            reader.next_chunk()
    assert reader.next_chunk() == []
    join_threads_since(before)


class BrokenError(Exception):
    """Unlike builtin errors it can be referred to weakly."""


def test_an_error_that_was_raised_is_not_kept_alive() -> None:
    def items() -> Iterator[int]:
        raise BrokenError
        yield 0

    reader = ReadAhead(items(), chunk=4)
    kept: list[weakref.ref[BrokenError]] = []
    gc.disable()
    try:
        try:
            reader.next_chunk()
        except BrokenError as error:
            kept.append(weakref.ref(error))
        assert [reference() for reference in kept] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize("prepare", [None, abs])
def test_what_a_source_has_given_is_there_while_the_source_blocks(prepare: Callable[[int], int] | None) -> None:
    go_on = threading.Event()

    def items() -> Iterator[int]:
        yield from numbers(6)
        assert go_on.wait(PATIENCE_SECONDS)
        yield 6

    reader = ReadAhead(items(), chunk=4, prepare=prepare)
    assert take(reader, 6) == [0, 1, 2, 3, 4, 5]
    go_on.set()
    # An early chunk is no end.
    assert drain(reader) == [[6]]
