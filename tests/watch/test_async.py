import asyncio
import threading

import pytest

from framestream import Classifier, End, Event, Prediction, PushedFrames, Record
from tests.conftest import colour_image
from tests.image_source import ImageSource
from tests.live_feeds import EndlessSource, timed


async def collect(classifier: Classifier, name: str, source: object) -> list[Record]:
    async with classifier.watch_many({name: source}) as watch:  # type: ignore[dict-item]
        return [record async for record in watch]


def test_two_watches_share_one_event_loop(classifier: Classifier) -> None:
    frames = timed([colour_image("red")] * 40)

    async def main() -> list[list[Record]]:
        return await asyncio.gather(*(collect(classifier, name, ImageSource(frames)) for name in ("a", "b")))

    for name, records in zip(("a", "b"), asyncio.run(main()), strict=True):
        assert {record.camera for record in records} == {name}
        assert sum(isinstance(record, Prediction) for record in records) == 37
        assert [item.label for item in records if isinstance(item, Event)] == ["red"]
        assert isinstance(records[-1], End)


def test_waiting_does_not_hold_up_the_event_loop(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48), live=True)

    async def main() -> list[Record]:
        watched = asyncio.create_task(collect(classifier, "pushed", frames))
        # The loop itself pushes the frames, which it could not if the watch held it up.
        for pts_seconds, image in timed([colour_image("red")] * 20):
            frames.push(image, pts_seconds=pts_seconds)
            await asyncio.sleep(0.001)
        frames.end()
        return await watched

    records = asyncio.run(main())
    assert [item.label for item in records if isinstance(item, Event)] == ["red"]


def test_a_task_that_is_cancelled_loses_no_record(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48))

    async def main() -> list[Record]:
        records: list[Record] = []
        async with classifier.watch_many({"pushed": frames}) as watch:
            while True:
                try:
                    records.append(await asyncio.wait_for(anext(watch), 0.02))  # type: ignore[arg-type]
                except asyncio.TimeoutError:
                    if not any(isinstance(record, Prediction) for record in records):
                        for pts_seconds, image in timed([colour_image("red")] * 20):
                            frames.push(image, pts_seconds=pts_seconds)
                        frames.end()
                        records += [record async for record in watch]
                        return records

    records = asyncio.run(main())
    assert [record.pts_seconds for record in records if isinstance(record, Prediction)] == pytest.approx(
        [0.3 + index / 10 for index in range(17)]
    )
    assert isinstance(records[-1], End)


def test_a_loop_left_early_leaves_nothing_behind(classifier: Classifier) -> None:
    async def main() -> None:
        async with classifier.watch_many({"endless": EndlessSource(colour_image("red"))}) as watch:
            async for record in watch:
                if isinstance(record, Prediction):
                    return

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == before


def test_a_single_recording_can_be_awaited_as_well(classifier: Classifier) -> None:
    frames = timed([colour_image("red")] * 40)
    wanted = list(classifier.watch(ImageSource(frames)))[:-1]

    async def main() -> list[Record]:
        async with classifier.watch(ImageSource(frames)) as watch:
            return [record async for record in watch]

    *records, end = asyncio.run(main())
    assert records == wanted
    assert isinstance(end, End)
    called: list[Record] = []
    classifier.watch(ImageSource(frames)).run(called.append)
    assert called[:-1] == wanted


def test_a_cancelled_task_loses_no_record_of_a_single_recording(classifier: Classifier) -> None:
    frames = PushedFrames(size_wh=(64, 48))
    records: list[Record] = []

    async def take_all(watch: object) -> None:
        async for record in watch:  # type: ignore[attr-defined]
            records.append(record)

    async def main() -> None:
        async with classifier.watch(frames) as watch:
            for pts_seconds, image in timed([colour_image("red")] * 20):
                frames.push(image, pts_seconds=pts_seconds)
                waiting = asyncio.create_task(take_all(watch))
                await asyncio.sleep(0.01)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            frames.end()
            await take_all(watch)

    asyncio.run(main())
    times = [record.pts_seconds for record in records if isinstance(record, Prediction)]
    assert times == pytest.approx([index / 10 for index in range(3, 20)])
    assert isinstance(records[-1], End)
