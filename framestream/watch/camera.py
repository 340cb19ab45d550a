"""A camera of a watch: its feed, a stream for each zone, and the records made of both."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from framestream.errors import FrameStreamError, SourceError
from framestream.feeds.feed import Closed, Feed, Inbox, Lost, Missed, Opened
from framestream.feeds.inbox import CHUNK_STEPS, SOURCE_FULL, InboxCounts, WakeUpSignal
from framestream.feeds.items import Notice
from framestream.frames import SourceInfo
from framestream.model.session import ModelSession
from framestream.model.spec import EventSettings
from framestream.records import End, Event, Gap, Prediction, Record, Start, Status
from framestream.sampling.zones import Zone
from framestream.stream import Result, Stream

_Found = TypeVar("_Found", Prediction, Event)

# How long a feed may take to say that it has ended after it was asked to.
_PATIENCE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """A part of a camera's picture, or the whole of it.

    Attributes:
        name: The zone's name in the records; None for the whole picture of a camera without zones.
        stream: Carries the zone's samples through the model.
    """

    name: str | None
    stream: Stream


class Camera:
    """Turns what a feed brings into records. Used by the consumer's thread only, apart from `inbox`.

    Attributes:
        name: The camera's name in the records, or None.
        live: Whether the camera is live, so that samples grow old while they wait.
        inbox: Queue that the feed puts its items into.
        zones: The parts of the picture, or the whole of it, each with its stream.
        status: The newest status of the camera.
        finished: Whether the camera's `End` has been made, or its source has failed and has no name.
        failure: The error of a source without a name, to be raised after the last record of the watch.
        has_missed: Whether samples were dropped because there was no time for them.
    """

    def __init__(
        self,
        name: str | None,
        feed: Feed,
        session: ModelSession,
        *,
        wake_up: WakeUpSignal,
        live: bool,
        events: EventSettings | None = None,
        zones: Sequence[Zone] = (),
        predictions: bool = True,
        keypoints: bool = False,
        info: SourceInfo | None = None,
    ) -> None:
        """Prepare a camera; nothing runs before `start`.

        Args:
            name: The camera's name in the records; None for the only source of a watch, whose failure is an error to
                raise, and which needs no `Status` if it is a recording.
            feed: Brings the camera's samples.
            session: The model.
            wake_up: Wakes the engine when an item comes in.
            live: Whether the camera is live, so that samples grow old while they wait.
            events: How predictions become events; by default as the model says.
            zones: Parts of the picture to watch each for itself.
            predictions: Whether predictions are among the records.
            keypoints: Whether predictions say where the joints are.
            info: What the camera's source says about itself, if it is open already.
        """
        self.name = name
        self.live = live
        self.inbox = Inbox(wake_up)
        names: Sequence[str | None] = [zone.name for zone in zones] or [None]
        self.zones = [WatchedZone(zone, Stream(session, events=events, keypoints=keypoints)) for zone in names]
        self.status = Status(state="connecting", camera=name)
        self.info = info
        self.finished = False
        self.failure: BaseException | None = None
        self.has_missed = False
        self._feed = feed
        self._session = session
        self._cuts_zones = bool(zones)
        self._reports_status = name is not None or live
        self._has_started = False
        self._with_predictions = predictions
        self._totals = {Prediction: 0, Event: 0, Gap: 0}
        self._arrived: dict[float, float] = {}
        self._newest_arrival: float | None = None
        self._reported_status: Status | None = None
        self._started_seconds = time.monotonic()
        self._asked_seconds: float | None = None
        self._left_behind = False
        self._missed: Missed | None = None

    @property
    def is_open(self) -> bool:
        """Whether its source has been opened."""
        return self.info is not None

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end before its own end."""
        return self._asked_seconds is not None

    @property
    def dropped(self) -> dict[str, int]:
        """Frames dropped so far, by reason; may be asked for by any thread."""
        return _dropped(self.inbox.counts)

    @property
    def has_steps(self) -> bool:
        """Whether it is time to run its samples: at once if live, by the chunk if it can wait."""
        return self.inbox.has_samples(1 if self.live else CHUNK_STEPS)

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do for it."""
        return self.has_steps or self.inbox.has_notices()

    def scale_one(self) -> bool:
        """Scale an image that waits for it; return False if none does."""
        return self.inbox.scale_one()

    def start(self) -> None:
        """Let the feed begin."""
        self._started_seconds = time.monotonic()
        self._feed.start(self.inbox)

    def stop(self) -> None:
        """Ask the feed to end; `notices` ends with `End` soon after."""
        if self._asked_seconds is None and not self.finished:
            self._asked_seconds = time.monotonic()
            self._feed.stop()
            self.inbox.stop()

    def join(self) -> None:
        """Wait until the feed is gone, unless it does not answer."""
        if not self._left_behind:
            self._feed.join()

    def notices(self) -> Iterator[Record]:
        """Handle what came before the next sample."""
        for notice in self.inbox.take_notices():
            yield from self._handle(notice)
        asked = self._asked_seconds
        if asked is not None and not self.finished and time.monotonic() > asked + _PATIENCE_SECONDS:
            self._left_behind = True
            error = FrameStreamError(f"{self.name or 'the source'} does not answer, so it was left behind")
            yield from self._close(Closed(self.inbox.counts.source, error=error))

    def load(self, steps: int) -> Iterator[Record]:
        """Move samples from the inbox to the streams; yields what samples dropped before them have led to."""
        yield from self._apply_missed()
        arrivals = self.inbox.take_samples(steps)
        if self.live:
            self._arrived = {arrival.sample.pts_seconds: arrival.arrived_seconds for arrival in arrivals}
        for arrival in arrivals:
            if not self._cuts_zones:
                self.zones[0].stream.add(arrival.sample)
                continue
            for zone, image in zip(self.zones, arrival.sample.image, strict=True):
                zone.stream.add(replace(arrival.sample, image=image))

    def records(self, zone: WatchedZone, results: Sequence[Result]) -> Iterator[Record]:
        """Make records of what was found in one of the zones."""
        for result in results:
            self._totals[type(result)] += 1
            if isinstance(result, Prediction):
                self._newest_arrival = self._arrived.get(result.pts_seconds, self._newest_arrival)
                if self._with_predictions:
                    yield self._label(result, zone.name)
            elif isinstance(result, Event):
                yield self._label(result, zone.name)
            else:
                yield replace(result, camera=self.name)

    def _label(self, found: _Found, zone: str | None) -> _Found:
        staleness = None
        if self.live and self._newest_arrival is not None:
            staleness = time.monotonic() - self._newest_arrival
        if self.name is zone is staleness is None:
            return found
        return replace(found, camera=self.name, zone=zone, staleness_seconds=staleness)

    def _handle(self, notice: Notice) -> Iterator[Record]:
        # What a feed still says about the time after the stop concerns nobody.
        if self.finished or (self.is_stopping and isinstance(notice, (Gap, Lost, Missed))):
            return
        if isinstance(notice, Opened):
            if not self._has_started:
                self._has_started = True
                yield replace(start_record(notice.info, self._session), camera=self.name)
            self.info = notice.info
            # The source knows better than its address: behind a URL there may be a recording, which waits.
            self.live = notice.info.live
        elif isinstance(notice, Status):
            yield from self._report(notice)
        elif isinstance(notice, Gap):
            yield from self._break(notice)
        elif isinstance(notice, Lost):
            yield from self._end_streams(notice.end_seconds)
        elif isinstance(notice, Missed):
            self.has_missed = True
            self._missed = notice if self._missed is None else self._missed.joined(notice)
        else:
            yield from self._close(notice)

    def _break(self, gap: Gap) -> Iterator[Record]:
        """End what goes on in every zone; the gap itself is reported once."""
        yield from self._apply_missed()
        for zone in self.zones:
            yield from self.records(zone, zone.stream.feed(gap)[:-1])
        yield from self.records(self.zones[0], [gap])

    def _apply_missed(self) -> Iterator[Record]:
        """Let the streams know of all samples that were dropped since the last one that was not, as one pause."""
        missed, self._missed = self._missed, None
        if missed is None or self.is_stopping:
            return
        gaps: list[Result] = []
        for zone in self.zones:
            results = zone.stream.miss(missed.first_seconds, missed.ticks)
            # Whether there is a gap depends on the model and on time, so there is one in all zones or in none.
            gaps = [result for result in results if isinstance(result, Gap)]
            yield from self.records(zone, [result for result in results if not isinstance(result, Gap)])
        yield from self.records(self.zones[0], gaps)

    def _end_streams(self, end_seconds: float | None) -> Iterator[Record]:
        yield from self._apply_missed()
        for zone in self.zones:
            yield from self.records(zone, zone.stream.flush(end_seconds))

    def _close(self, closed: Closed) -> Iterator[Record]:
        yield from self._end_streams(None if self.is_stopping else closed.end_seconds)
        if closed.error is None:
            yield from self._report(Status(state="ended"))
        else:
            yield from self._report(Status(state="failed", reason=_reason(closed.error)))
        self.finished = True
        if closed.error is not None and self.name is None:
            self.failure = _raisable(closed.error)
        else:
            yield self._end()

    def _report(self, status: Status) -> Iterator[Record]:
        self.status = replace(status, camera=self.name)
        if self._reports_status and self.status != self._reported_status:
            self._reported_status = self.status
            yield self.status

    def _end(self) -> End:
        counts, stream = self.inbox.counts, self.zones[0].stream
        dropped = _dropped(counts)
        return End(
            frames_read=counts.source.read + counts.lost,
            frames_sampled=counts.source.sampled - counts.dropped.total(),
            frames_held=counts.source.held - counts.dropped_held + stream.counts.held,
            frames_skipped=counts.source.skipped,
            frames_dropped=sum(dropped.values()),
            predictions=self._totals[Prediction],
            events=self._totals[Event],
            gaps=self._totals[Gap],
            media_seconds=stream.media_seconds,
            wall_seconds=time.monotonic() - self._started_seconds,
            interrupted=self.is_stopping,
            dropped=dropped,
            frames_undecodable=counts.source.undecodable or None,
            camera=self.name,
        )


def _dropped(counts: InboxCounts) -> dict[str, int]:
    # Adding counters leaves out what is zero.
    return dict(sorted((counts.dropped + Counter({SOURCE_FULL: counts.lost})).items()))


def _reason(error: BaseException) -> str:
    """Return what an error says; of one that says nothing, or is more than an error, also what it is."""
    kind = type(error).__name__
    try:
        said = str(error)
    except Exception:  # an error of the caller's own making; the other cameras are not to end with it
        said = ""
    if isinstance(error, Exception) and said:
        return said
    return f"{kind}: {said}" if said else kind


def _raisable(error: BaseException) -> BaseException:
    """Return an error that can be raised while somebody iterates: these would pass for the end of the records."""
    if isinstance(error, (StopIteration, StopAsyncIteration, GeneratorExit)):
        wrapped = SourceError(f"the source raised {_reason(error)}; look at its code")
        wrapped.__cause__ = error
        return wrapped
    return error


def start_record(info: SourceInfo, session: ModelSession) -> Start:
    """Return what is known before the first frame."""
    spec = session.spec
    return Start(
        source=info.name,
        size_wh=info.size_wh,
        declared_fps=info.declared_fps,
        declared_frames=info.declared_frames,
        model=str(session.path),
        provider=session.provider,
        threads=session.threads,
        labels=spec.labels,
        background=spec.background,
        frame_rate=spec.frame_rate,
        model_window_seconds=spec.window_seconds,
        slower_than_model=info.is_slower_than(spec.frame_rate),
        predict_ahead_seconds=spec.ahead_seconds or None,
        decoder=info.decoder,
        insecure=info.insecure or None,
    )
