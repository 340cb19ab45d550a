import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.readahead import ReadAhead, StopFlag
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


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_chunks_come_whole_and_in_order(count: int, sizes: list[int]) -> None:
    chunks = drain(ReadAhead(numbers(count), chunk=4))
    assert [len(chunk) for chunk in chunks] == sizes
    assert [number for chunk in chunks for number in chunk] == list(range(count))


@pytest.mark.parametrize("prepare", [None, abs])
def test_two_chunks_are_read_ahead_and_no_more(prepare: Callable[[int], int] | None) -> None:
    seen: list[int] = []
    before = set(threading.enumerate())
    reader = ReadAhead(numbers(100, seen=seen), chunk=4, prepare=prepare)
    for taken in (4, 8, 12):
        assert reader.next_chunk() == list(range(taken - 4, taken))
        # Without being asked; and then nobody waits for the consumer to go on.
        join_threads_since(before)
        assert seen == list(range(taken + 8))


def test_reading_goes_on_while_the_consumer_works() -> None:
    two_chunks_on = [threading.Event() for _ in range(5)]

    def items() -> Iterator[int]:
        for number in range(4 * 7):
            if number % 4 == 3 and number > 8:
                two_chunks_on[number // 4 - 2].set()
            yield number

    reader = ReadAhead(items(), chunk=4)
    for turn, event in enumerate(two_chunks_on):
        assert reader.next_chunk() == list(range(4 * turn, 4 * turn + 4))
        assert event.wait(PATIENCE_SECONDS), "reading stood still until the next chunk was asked for"
    reader.close()


def test_items_are_prepared_while_the_next_are_read() -> None:
    seen: list[int] = []
    third_read, second_prepared = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        for number in numbers(10, seen=seen):
            if number == 3:
                assert second_prepared.wait(PATIENCE_SECONDS), "nothing was prepared while this was read"
            if number == 2:
                third_read.set()
            yield number

    def prepare(number: int) -> int:
        if number == 0:
            assert third_read.wait(PATIENCE_SECONDS), "nothing was read while this was prepared"
            # Two may wait, so that memory stays bounded; a third would be read at once.
            time.sleep(0.05)
            assert seen == [0, 1, 2]
        if number == 1:
            second_prepared.set()
        return -number

    assert drain(ReadAhead(items(), chunk=4, prepare=prepare)) == [[0, -1, -2, -3], [-4, -5, -6, -7], [-8, -9]]


def test_what_cannot_be_prepared_is_an_error_after_the_items_before_it() -> None:
    def prepare(number: int) -> int:
        if number == 5:
            raise OSError("no picture")
        return number

    reader = ReadAhead(numbers(10**9), chunk=4, prepare=prepare)
    assert reader.next_chunk() == [0, 1, 2, 3]
    assert reader.next_chunk() == [4]
    with pytest.raises(OSError, match="no picture"):
        reader.next_chunk()
    assert reader.next_chunk() == []


@pytest.mark.parametrize("prepare", [None, abs])
def test_an_error_comes_after_the_items_before_it_and_then_it_is_over(prepare: Callable[[int], int] | None) -> None:
    reader = ReadAhead(numbers(20, fail_at=6), chunk=4, prepare=prepare)
    assert reader.next_chunk() == [0, 1, 2, 3]
    assert reader.next_chunk() == [4, 5]
    with pytest.raises(OSError, match="broken at 6"):
        reader.next_chunk()
    assert reader.next_chunk() == []


@pytest.mark.parametrize("prepare", [None, abs])
def test_an_abandoned_reader_leaves_no_thread(prepare: Callable[[int], int] | None) -> None:
    before = set(threading.enumerate())
    reader = ReadAhead(numbers(10**9), chunk=4, prepare=prepare)
    assert reader.next_chunk() == [0, 1, 2, 3]
    join_threads_since(before)


@pytest.mark.parametrize("prepare", [None, abs])
def test_close_ends_a_long_chunk_early(prepare: Callable[[int], int] | None) -> None:
    started = threading.Event()

    def items() -> Iterator[int]:
        while True:
            started.set()
            yield 0

    stop = StopFlag()
    reader = ReadAhead(items(), chunk=10**12, stop=stop, prepare=prepare)
    consumer = threading.Thread(target=reader.next_chunk, name="consumer")
    consumer.start()
    assert started.wait(PATIENCE_SECONDS)
    stop.set()
    consumer.join(PATIENCE_SECONDS)
    assert not consumer.is_alive()
    reader.close()
    reader.close()


def test_nothing_is_read_after_close() -> None:
    seen: list[int] = []
    reader = ReadAhead(numbers(100, seen=seen), chunk=4)
    assert reader.next_chunk() == [0, 1, 2, 3]
    reader.close()
    read = len(seen)
    # What had been read is there; that it is not wanted any more is for the consumer to say.
    assert [number for chunk in drain(reader) for number in chunk] == list(range(4, read))
    assert len(seen) == read <= 12


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
    assert drain(reader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert seen == list(range(10))
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
        # Whole chunks, but for the last.
        assert len(numbers_taken) == min(chunk, count - len(taken))
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


def test_what_a_slow_source_has_given_is_not_kept_back() -> None:
    def items() -> Iterator[int]:
        for number in numbers(12):
            time.sleep(0.1)
            yield number

    reader = ReadAhead(items(), chunk=100)
    first = reader.next_chunk()
    assert 0 < len(first) < 12, "the whole chunk was waited for"
    # An early chunk is no end.
    assert [*first, *(number for chunk in drain(reader) for number in chunk)] == list(range(12))


def test_what_a_source_has_given_is_there_while_the_source_blocks() -> None:
    go_on = threading.Event()

    def items() -> Iterator[int]:
        yield from numbers(6)
        assert go_on.wait(PATIENCE_SECONDS)
        yield 6

    reader = ReadAhead(items(), chunk=4)
    assert [reader.next_chunk(), reader.next_chunk()] == [[0, 1, 2, 3], [4, 5]]
    go_on.set()
    assert drain(reader) == [[6]]
