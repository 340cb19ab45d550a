"""Be called when something happens, with cameras that come and go.

    python samples/call_back.py samples/care-home.webm samples/gym.webm

The first source is watched from the start, the others join when the first event is seen.
"""

import sys

from framestream import Classifier, Event, EventSettings, Record, Watch


class Guard:
    """Reacts to events; anything with a method will do."""

    def __init__(self, watch: Watch, later: list[str]) -> None:
        """Remember whom to tell, and which cameras are to join."""
        self._watch = watch
        self._later = later

    def on_record(self, record: Record) -> None:
        """Take the next record; runs on the thread that called `run`, so it should not take long."""
        if not isinstance(record, Event):
            return
        print(f"{record.camera}: {record.label} ({record.score:.2f})")
        while self._later:
            # Any thread may do this, at any time; `remove` is its opposite.
            # Named by its number, not by its address, which may hold a password.
            self._watch.add(f"camera {len(self._later) + 1}", self._later.pop())


def main(sources: list[str]) -> None:
    """Watch until all sources have ended."""
    first, *others = sources
    settings = EventSettings(enter=0.7, leave=0.5)
    watch = Classifier.load().watch_many({"camera 1": first}, events=settings, predictions=False)
    watch.run(Guard(watch, others).on_record)


if __name__ == "__main__":
    main(sys.argv[1:])
