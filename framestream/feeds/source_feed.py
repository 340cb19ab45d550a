"""A feed over any `FrameSource`: recordings, pushed frames, sources of the caller's own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from framestream.feeds.feed import Closed, Inbox, Opened, StopFlag
from framestream.frames import FrameSource, Image, Interruptible, Lossy, SourceInfo
from framestream.records import Status
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import check_image
from framestream.sampling.sampler import Sampler, sample
from framestream.sampling.zones import Zone, prepare_for

_log = logging.getLogger(__name__)

_JOIN_SECONDS = 1.5


class SourceFeed:
    """Reads a source on a thread: waits for the consumer if it is a recording, drops if it is live; a `Feed`."""

    def __init__(
        self,
        opened: Callable[[], FrameSource],
        *,
        frame_rate: float,
        size_wh: tuple[int, int],
        zones: Sequence[Zone] = (),
        owned: bool = True,
    ) -> None:
        """Prepare to read.

        Args:
            opened: Opens the source, on the feed's thread; what it raises becomes the error of `Closed`.
            frame_rate: The model's frame rate.
            size_wh: Width and height of the model's frames, pixels.
            zones: Parts of the picture; then a sample's image is `[zones, height, width, 3]`.
            owned: Whether the source is closed with the feed.
        """
        self._open = opened
        self._fit = prepare_for(size_wh, zones)
        self._frame_rate = frame_rate
        self._sampler = Sampler(SamplingClock(frame_rate))
        self._owned = owned
        self._stop = StopFlag()
        self._source: FrameSource | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> SourceInfo:
        """Open the source now, on the caller's thread, instead of when the feed is started.

        Raises:
            FrameStreamError: The source cannot be opened.
        """
        self._source = self._open()
        return self._source.info

    def start(self, inbox: Inbox) -> None:
        """Start the thread that reads the source."""
        # A daemon, because a source of the caller's own may block for ever, and the process must be able to end.
        self._thread = threading.Thread(target=self._run, args=(inbox,), name="framestream-source", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the frame it is at."""
        self._stop.set()
        source = self._source
        if source is not None and isinstance(source, Interruptible):
            try:
                source.interrupt()
            except Exception as error:  # of the caller's own; the others are stopped all the same
                _log.warning("%s could not be interrupted (%s)", type(source).__name__, type(error).__name__)

    def join(self) -> None:
        """Wait for the thread; a source that blocks in `grab` and cannot be interrupted is left behind."""
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
        elif self._source is not None and self._owned:
            self._source.close()

    def _run(self, inbox: Inbox) -> None:
        error: BaseException | None = None
        lost = 0
        try:
            if self._source is not None or not self._stop.is_set():
                self._open_and_read(inbox)
            lost = self._source.dropped if isinstance(self._source, Lossy) else 0
        except BaseException as caught:  # the thread's boundary: whatever a caller's source raises travels in Closed
            error = caught
        end_seconds = None if self._stop.is_set() else self._sampler.clock.end_seconds
        closed = Closed(self._sampler.counts, error=error, end_seconds=end_seconds, frames_lost=lost)
        inbox.put(closed, arrived_seconds=time.monotonic())

    def _open_and_read(self, inbox: Inbox) -> None:
        if self._source is None:
            inbox.put(Status(state="connecting"), arrived_seconds=time.monotonic())
            self._source = self._open()
        source = self._source
        try:
            now = time.monotonic()
            inbox.put(Opened(source.info), arrived_seconds=now)
            # It may have been asked to stop before there was anything to interrupt.
            if not self._stop.is_set():
                inbox.put(Status(state="live"), arrived_seconds=now)
                self._read(source, inbox)
        finally:
            if self._owned:
                source.close()

    def _read(self, source: FrameSource, inbox: Inbox) -> None:
        is_live = source.info.live
        # Images of a recording are scaled later, by whoever has time; what is no image is refused where it is read.
        prepare = self._fit if is_live else _checked
        # The clock of a container may restart in the middle of a film; times that a program gives are kept as they are.
        is_film = source.info.decoder is not None
        self._sampler = Sampler(SamplingClock(self._frame_rate), prepare=prepare, continuous=is_film)
        for item in sample(source, self._sampler, stopped=self._stop.is_set):
            now, counts = time.monotonic(), self._sampler.counts
            # Not left at once when stopped: what the sampler has counted must reach the inbox.
            if is_live:
                inbox.put(item, arrived_seconds=now, counts=counts)
            elif not inbox.put_waiting(item, arrived_seconds=now, counts=counts, fit=self._fit):
                self._stop.set()


def _checked(image: Image) -> Image:
    check_image(image)
    return image
