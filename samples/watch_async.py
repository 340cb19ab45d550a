"""Watch from asyncio: the event loop stays free for a web server, a message queue, other watches.

python samples/watch_async.py samples/kiosk.webm samples/gym.webm
"""

import asyncio
import sys

from framestream import Classifier, Event


async def watch(classifier: Classifier, sources: list[str], alarms: "asyncio.Queue[Event | None]") -> None:
    """Put every event into a queue, and None at the end."""
    # Not named by their addresses, which may hold passwords.
    cameras = {f"camera {number}": source for number, source in enumerate(sources, start=1)}
    async with classifier.watch_many(cameras, predictions=False) as records:
        async for record in records:
            if isinstance(record, Event):
                await alarms.put(record)
    await alarms.put(None)


async def print_alarms(alarms: "asyncio.Queue[Event | None]") -> None:
    """Take events out of the queue; in real life, send them somewhere."""
    while (event := await alarms.get()) is not None:
        print(f"{event.camera}: {event.label} at {event.start_seconds:.1f} s")


async def main(sources: list[str]) -> None:
    """Run both until all sources have ended."""
    # Loading takes a moment, which the loop should not have to wait for.
    classifier = await asyncio.to_thread(Classifier.load)
    alarms: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=100)
    await asyncio.gather(watch(classifier, sources, alarms), print_alarms(alarms))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
