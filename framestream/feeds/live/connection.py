"""A connection to a camera, from the start of its reader process to its end."""

from __future__ import annotations

import enum
import threading
import time
from dataclasses import dataclass

from framestream.feeds.feed import Inbox, Opened
from framestream.feeds.live.failures import Failure, Stage, explain, no_response
from framestream.feeds.live.live_settings import LiveSettings
from framestream.feeds.live.process import ReaderProcess
from framestream.feeds.live.protocol import (
    Finished,
    Heartbeat,
    Item,
    Message,
    ProtocolError,
    ReaderJob,
    Ready,
    Started,
)
from framestream.feeds.live.timeline import Timeline
from framestream.frames import SourceInfo
from framestream.records import Gap, Status
from framestream.sampling.sampler import Sample

# How long a reader process may take to load its libraries, on a machine that is busy.
_START_SECONDS = 20.0
# The reader gives up by itself first, and can say why.
_GRACE_SECONDS = 0.5
# How soon a request to stop is noticed.
_WAKE_SECONDS = 0.2
# Headers are off by a few frames.
_COMPLETE_SHARE = 0.95


class Ending(enum.Enum):
    """The ways in which a connection ends."""

    STOPPED = enum.auto()
    """The connection was asked to stop."""
    COMPLETE = enum.auto()
    """A recording was read to its end; there is no more to come."""
    CUT_SHORT = enum.auto()
    """A recording gave frames and broke off; another attempt would start from its beginning."""
    STREAM_OVER = enum.auto()
    """A stream without a known length gave frames and ended of itself; another attempt may give more."""
    FAILED = enum.auto()
    """Anything else went wrong, before the first frame or after; another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Disconnection:
    """The end of a connection.

    Attributes:
        ending: The way in which the connection ended.
        failure: Why the connection ended, in words.
        lived_seconds: Time from the connection's first frame to its end; 0 if no frame came.
    """

    ending: Ending
    failure: Failure
    lived_seconds: float = 0.0


class Connection:
    """Lets a reader process connect, hands on what it sends and ends it; used once."""

    def __init__(
        self, job: ReaderJob, timeline: Timeline, inbox: Inbox, *, settings: LiveSettings, stop: threading.Event
    ) -> None:
        """Prepare; `stop` ends it at any time."""
        self._job = job
        self._timeline = timeline
        self._inbox = inbox
        self._settings = settings
        self._stop = stop
        self._stage: Stage = "starting"
        self._since_seconds = time.monotonic()
        self._opened_at: float | None = None
        self._info: SourceInfo | None = None
        self._loss = ""

    def run(self, loss: str, process: ReaderProcess | None) -> Disconnection:
        """Read until it ends, fails, stalls or is stopped.

        Args:
            loss: Why the connection before was lost.
            process: A reader that stands by; None starts one.
        """
        self._loss = loss
        try:
            process = process or ReaderProcess(self._job)
        except OSError as error:
            return self._end(Failure(f"its reader process cannot be started ({error.strerror})"))
        try:
            process.begin()
            return self._follow(process)
        finally:
            process.close()

    def _follow(self, process: ReaderProcess) -> Disconnection:
        while not self._stop.is_set():
            try:
                message = process.read(_WAKE_SECONDS)
            except ProtocolError as error:
                return self._end(Failure(str(error)))
            if isinstance(message, Finished):
                return self._finish(message, process)
            if message is not None:
                self._take(message)
                # Counted from here, because handing on a recording may have waited for the consumer.
                self._since_seconds = time.monotonic()
            elif (allowed := self._overdue_seconds()) is not None:
                failure = no_response(self._stage, seconds=allowed, printed=process.printed)
                if self._stage == "reading":
                    self._tell_stalled(failure)
                # No goodbye: what has not responded by now would only use up its time.
                process.kill()
                return self._end(failure)
        return Disconnection(Ending.STOPPED, Failure("stopped"))

    def _take(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._stage = "opening"
        elif isinstance(message, Started):
            self._info = message.info
        elif isinstance(message, Heartbeat):
            self._timeline.advance(message.progress)
        elif isinstance(message, Item):
            if self._stage != "reading":
                self._open(message)
            self._timeline.advance(message.progress)
            self._put(self._timeline.place(message.item), message.progress.arrived_seconds)

    def _open(self, first: Item) -> None:
        """Tell that it is live, with the first frame and not before: many a camera opens and sends nothing."""
        assert self._info is not None
        self._stage = "reading"
        arrived = first.progress.arrived_seconds
        self._opened_at = time.monotonic()
        gap = self._timeline.connect(arrived_seconds=arrived, declared_fps=self._info.declared_fps, cause=self._loss)
        self._inbox.put(Opened(self._info), arrived_seconds=arrived)
        self._inbox.put(Status(state="live"), arrived_seconds=arrived)
        if gap is not None:
            self._inbox.put(gap, arrived_seconds=arrived)

    def _put(self, item: Sample | Gap, arrived_seconds: float) -> None:
        counts = self._timeline.counts
        if self._info is None or self._info.live:
            self._inbox.put(item, arrived_seconds=arrived_seconds, counts=counts)
        elif not self._inbox.put_waiting(item, arrived_seconds=arrived_seconds, counts=counts):
            self._stop.set()

    def _finish(self, finished: Finished, process: ReaderProcess) -> Disconnection:
        if finished.progress is not None and self._stage == "reading":
            self._timeline.advance(finished.progress)
        failure = explain(
            finished,
            stage=self._stage,
            printed=process.printed,
            exit_code=process.exit_code,
            is_address=self._job.is_address,
        )
        return self._end(failure, stream_ended=finished.reason == "ended")

    def _end(self, failure: Failure, *, stream_ended: bool = False) -> Disconnection:
        ending = self._ending(stream_ended=stream_ended)
        if stream_ended and ending is not Ending.COMPLETE and self._info is not None and not self._info.live:
            read = self._timeline.counts.read
            failure = Failure(f"it broke off after {read} of {self._info.declared_frames} frames")
        lived_seconds = 0.0 if self._opened_at is None else time.monotonic() - self._opened_at
        return Disconnection(ending, failure, lived_seconds)

    def _ending(self, *, stream_ended: bool) -> Ending:
        declared = None if self._info is None else self._info.declared_frames
        counts = self._timeline.counts
        seen = counts.read + counts.undecodable
        if stream_ended and declared is not None and seen >= _COMPLETE_SHARE * declared:
            return Ending.COMPLETE
        if self._info is None or self._opened_at is None:
            return Ending.FAILED
        if not self._info.live:
            return Ending.CUT_SHORT
        return Ending.STREAM_OVER if stream_ended and declared is None else Ending.FAILED

    def _tell_stalled(self, failure: Failure) -> None:
        self._inbox.put(Status(state="stalled", reason=failure.cause), arrived_seconds=time.monotonic())

    def _overdue_seconds(self) -> float | None:
        """Return how long the reader was allowed to say nothing, if it has said nothing for longer."""
        allowed = {
            "starting": _START_SECONDS,
            "opening": self._settings.open_seconds,
            "reading": self._settings.stall_seconds,
        }[self._stage]
        grace = _GRACE_SECONDS if self._stage == "opening" else 0.0
        return allowed if time.monotonic() - self._since_seconds > allowed + grace else None
