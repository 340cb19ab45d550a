"""The feed of one live camera, which connects, watches the connection, and connects again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from framestream.errors import UnreadableSourceError
from framestream.feeds.feed import Closed, Inbox, Lost
from framestream.feeds.live.connection import Connection, Ending
from framestream.feeds.live.live_settings import Backoff, LiveSettings
from framestream.feeds.live.process import ReaderProcess
from framestream.feeds.live.protocol import ReaderJob
from framestream.feeds.live.timeline import Timeline
from framestream.frames import safe_address
from framestream.records import CameraState, Status
from framestream.sampling.zones import Zone, check_zones
from framestream.sources.decoders import DecoderChoice, choose_decoder
from framestream.sources.kinds import SourceKind, classify

_JOIN_SECONDS = 1.9
# The next reader is started so long before its turn, so that connecting is all that remains to be done then. Not
# earlier, because it takes memory, and cameras may be away for days.
_STANDBY_SECONDS = 2.0
# A connection that lived for this long was a good one: the next failure starts with a short wait again.
_GOOD_SECONDS = 10.0


class CameraFeed:
    """A camera or stream that may be down, hang, or break off at any time; a `Feed`.

    Decoding and sampling happen in a process of their own (`framestream.feeds.live.reader`); a thread waits for what it
    sends, and ends it when nothing comes. Media time starts at 0 with the first frame ever and goes on through outages.
    """

    def __init__(
        self,
        source: str | int,
        *,
        frame_rate: float,
        size_wh: tuple[int, int],
        zones: Sequence[Zone] = (),
        settings: LiveSettings | None = None,
        decoder: DecoderChoice = "auto",
    ) -> None:
        """Prepare to watch a camera; nothing is opened before `start`.

        Args:
            source: A URL, with user and password if it needs them, or a device: index or path.
            frame_rate: The model's, frames per second.
            size_wh: Width and height of the model's frames, pixels.
            zones: Parts of the picture; then a sample's image is `[zones, height, width, 3]`.
            settings: How long to wait for the camera, and when to give up.
            decoder: Library that decodes what is behind a URL; devices are OpenCV's.

        Raises:
            UnreadableSourceError: The source is a recording.
            SettingsError: The source is none that can be read, two zones share a name, or the decoder is not installed.
        """
        kind = classify(source, looks=False)
        if not kind.is_live:
            raise UnreadableSourceError(f"{source} is a recording; give the address of a stream or a device")
        check_zones(zones)
        choose_decoder(decoder)
        self._settings = settings or LiveSettings()
        self._job = ReaderJob(
            address=int(source) if kind is SourceKind.DEVICE and str(source).isdigit() else source,
            name=safe_address(str(source)) if kind is SourceKind.URL else _device_name(source),
            open_seconds=self._settings.open_seconds,
            # Longer than the watchdog waits, so that a stall is reported as what it is.
            read_seconds=self._settings.stall_seconds + 1,
            frame_rate=frame_rate,
            size_wh=size_wh,
            zones=tuple(zones),
            memory_bytes=round(self._settings.reader_memory_gb * 1e9),
            most_pixels=round(self._settings.picture_megapixels * 1e6),
            insecure=self._settings.insecure,
            decoder=decoder,
        )
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._timeline = Timeline()

    def __repr__(self) -> str:
        """Return the camera's name, free of credentials."""
        return f"CameraFeed({self.name!r})"

    @property
    def name(self) -> str:
        """Scheme and host, or the device."""
        return self._job.name

    @property
    def is_running(self) -> bool:
        """Whether it has started and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, inbox: Inbox) -> None:
        """Start the thread that connects to the camera."""
        self._thread = threading.Thread(target=self._run, args=(inbox,), name="framestream-camera", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; a recording behind a URL that waits for room needs `Inbox.stop` as well."""
        self._stop.set()

    def join(self) -> None:
        """Wait until thread and process are gone."""
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self, inbox: Inbox) -> None:
        error: BaseException | None = None
        try:
            error = self._watch(inbox)
        except BaseException as caught:  # the thread's boundary: it travels in Closed
            error = caught
        end_seconds = None if self._stop.is_set() else self._timeline.end_seconds
        closed = Closed(self._timeline.counts, error=error, end_seconds=end_seconds)
        inbox.put(closed, arrived_seconds=time.monotonic())

    def _watch(self, inbox: Inbox) -> Exception | None:
        """Connect again and again; return why that came to an end, None if it was asked for or the stream was over."""
        delays = self._delays()
        _report(inbox, "connecting")
        loss = ""
        standby: ReaderProcess | None = None
        while True:
            connection = Connection(self._job, self._timeline, inbox, settings=self._settings, stop=self._stop)
            end = connection.run(loss, standby)
            cause = end.failure.cause
            # It may have ended in any way before it saw that it is to stop.
            if self._stop.is_set() or end.ending in (Ending.STOPPED, Ending.COMPLETE):
                return None
            # What takes too much from the start takes as much each time; what has grown starts anew.
            if end.failure.is_excess and end.lived_seconds < _GOOD_SECONDS:
                return UnreadableSourceError(f"{self.name}: {cause}")
            if end.ending is Ending.CUT_SHORT or not self._settings.reconnect:
                is_error = end.ending is not Ending.STREAM_OVER
                return UnreadableSourceError(f"{self.name}: {cause}") if is_error else None
            if end.lived_seconds > 0:
                # What failed attempts say later is in their statuses; the gap says how it began.
                loss = cause
            if end.lived_seconds >= _GOOD_SECONDS:
                delays = self._delays()
            wait_seconds = next(delays)
            if end.failure.is_refusal:
                wait_seconds = self._settings.longest_retry_seconds
            if end.lived_seconds > 0 and self._timeline.end_seconds is not None:
                inbox.put(Lost(self._timeline.end_seconds), arrived_seconds=time.monotonic())
            _report(inbox, "reconnecting", reason=cause, retry_seconds=wait_seconds)
            standby = self._stand_by(wait_seconds)
            if standby is None and self._stop.is_set():
                return None

    def _stand_by(self, wait_seconds: float) -> ReaderProcess | None:
        """Wait, and return a reader that is ready by then; None if it was stopped, or if there is none to be had."""
        if self._stop.wait(max(0.0, wait_seconds - _STANDBY_SECONDS)):
            return None
        due_seconds = time.monotonic() + min(wait_seconds, _STANDBY_SECONDS)
        try:
            process = ReaderProcess(self._job)
        except OSError:  # raised again when its turn comes, if it still is so then
            self._stop.wait(due_seconds - time.monotonic())
            return None
        if self._stop.wait(due_seconds - time.monotonic()):
            process.kill()
            return None
        return process

    def _delays(self) -> Iterator[float]:
        settings = self._settings
        return Backoff(first_seconds=settings.first_retry_seconds, cap_seconds=settings.longest_retry_seconds).delays()


def _report(inbox: Inbox, state: CameraState, *, reason: str | None = None, retry_seconds: float | None = None) -> None:
    status = Status(state=state, reason=reason, retry_seconds=retry_seconds)
    inbox.put(status, arrived_seconds=time.monotonic())


def _device_name(source: str | int) -> str:
    return f"device {source}" if str(source).isdigit() else str(source)
