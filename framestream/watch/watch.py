"""Watching sources: one or many, recordings or cameras."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType

from framestream.errors import SettingsError
from framestream.escapes import abbreviate
from framestream.frames import SourceInfo
from framestream.model.session import ModelSession
from framestream.model.spec import EventSettings
from framestream.records import Record, Status
from framestream.sources import AnySource, SourceKind, classify
from framestream.watch.camera import Camera
from framestream.watch.camera_settings import CameraSettings, check_name, check_standard_input, make_camera
from framestream.watch.engine import Engine

# How long a round waits for something to do: how soon a cancelled task lets its thread go, and how late it is noticed
# that samples have waited long enough for others (`Inbox.has_samples`), since no signal is sent for that.
_WAIT_SECONDS = 0.25


class Watch:
    """What sources show, as one row of records: for each `Start`, what it shows as it comes, `End`.

    An iterator, to be used once; made by `Classifier.watch` and `Classifier.watch_many`. The model runs on the
    thread that iterates, for all sources together, which changes no result; each has its own state, settings and fate.
    Sources may come and go at any time. Everything is released when the watch is exhausted or fails; as a context
    manager, or with `close`, at the latest there; and soon after a watch is forgotten::

        with classifier.watch_many({"door": "rtsp://…", "yard": "rtsp://…"}) as watch:
            for record in watch:
                ...                        # and, from here or any other thread:
                watch.add("hall", 0)
                watch.remove("yard")

    `async for` and `async with` do the same and never block the event loop. The source of `Classifier.watch` has
    no name (None): its records name no camera, and if it fails, the watch ends, and its error is raised after the
    last record. One that has a name says so in a `Status`, and the others go on.
    """

    def __init__(
        self,
        session: ModelSession,
        cameras: Mapping[str, AnySource | CameraSettings] | Mapping[None, CameraSettings],
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
        keypoints: bool = False,
        max_lag_seconds: float | None = None,
        until_stopped: bool = False,
    ) -> None:
        """Prepare to watch; `Classifier.watch_many` explains the arguments.

        A recording without a name is opened here. All other sources are opened when the first record is asked for,
        each by a thread of its own.
        """
        if not isinstance(cameras, Mapping):
            raise SettingsError(f"cameras is {abbreviate(cameras)}: give a mapping of sources by name, as a dict")
        self._unnamed: Camera | None = None
        self._standard_input: dict[str, CameraSettings] = {}
        self._session = session
        self._events = events
        self._with_predictions = predictions
        self._with_keypoints = keypoints
        self._engine = Engine(session, max_lag_seconds=max_lag_seconds, until_stopped=until_stopped)
        for name, source in cameras.items():
            self._join(self._engine.add, name, source)
        if not cameras and not until_stopped:
            raise SettingsError("there are no cameras to watch; give one or more, or until_stopped=True")

    def __del__(self) -> None:
        """Let the threads and processes of a forgotten watch end."""
        # There is no engine where the settings were refused.
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.abandon()

    @property
    def statuses(self) -> dict[str | None, Status]:
        """How each source is, by name; those that were removed are left out."""
        return self._engine.cameras.statuses()

    @property
    def dropped(self) -> dict[str | None, dict[str, int]]:
        """Frames that each source has dropped so far, by its name and by reason; those that have ended are left out."""
        return self._engine.cameras.dropped()

    @property
    def info(self) -> SourceInfo | None:
        """What the source of `Classifier.watch` says about itself; None before it is open, or where there is none."""
        return self._unnamed.info if self._unnamed is not None else None

    def add(self, name: str, source: AnySource | CameraSettings) -> None:
        """Let a source join, from any thread. One that still has that name and was removed is waited for.

        Raises:
            SettingsError: The name is taken, the source cannot be one or is standard input for a second time, or the
                watch has ended.
        """
        self._join(self._engine.add, check_name(name), source)

    def replace(self, name: str | None, source: AnySource | CameraSettings) -> None:
        """Let a source take the place of the one of that name, from any thread; where there is none, it joins.

        Raises:
            SettingsError: The source cannot be one or is standard input for a second time, or the watch has ended.
            SourceError: The source has no name and is a recording that cannot be used.
        """
        self._join(self._engine.replace, name, source)

    def remove(self, name: str | None) -> None:
        """Let a source leave, from any thread; its `End` follows if it has begun, and the others notice nothing.

        Raises:
            SettingsError: No camera has that name.
        """
        self._engine.remove(name)

    def stop(self) -> None:
        """Ask the iteration to finish: open events end, each source yields its `End`. Safe in a signal handler.

        It takes effect after the frame that is being read. A source whose `grab` waits for others is interrupted, if
        it is `Interruptible`; one that does not end within a second and a half is left behind.
        """
        self._engine.stop()

    def close(self) -> None:
        """End the iteration without further records and release everything.

        May be called twice, and by another thread than the one that iterates. In a signal handler use `stop`.
        """
        self._engine.close()
        self._engine.ready.clear()

    def run(self, on_record: Callable[[Record], object]) -> None:
        """Call a function with each record, in order and on this thread, until the end; closes the watch.

        Raises:
            Exception: Whatever the function raises, or iterating would.
        """
        with self:
            for record in self:
                on_record(record)

    def __iter__(self) -> Iterator[Record]:
        """Return the watch itself."""
        return self

    def __next__(self) -> Record:
        """Return the next record, waiting for it.

        Raises:
            StopIteration: After the last one, after an error, or after `close`.
            ModelError: The model fails.
            SourceError: The source without a name has failed; the records of what came before it were handed out, an
                open event ended there, it has no `End`, and all other sources have theirs.
        """
        while not self._has_next():
            self._engine.advance(_WAIT_SECONDS)
        record = self._take()
        if record is None:
            raise StopIteration
        return record

    def __aiter__(self) -> AsyncIterator[Record]:
        """Return the watch itself."""
        return self

    async def __anext__(self) -> Record:
        """Return the next record; a task that is cancelled while it waits loses none."""
        while not self._has_next():
            # A cancelled task leaves a thread at it, for which the next one waits.
            await asyncio.to_thread(self._engine.advance, _WAIT_SECONDS)
        record = self._take()
        if record is None:
            raise StopAsyncIteration
        return record

    def __enter__(self) -> Watch:
        """Return the watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch."""
        self.close()

    async def __aenter__(self) -> Watch:
        """Return the watch itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the watch."""
        await asyncio.to_thread(self.close)

    def _has_next(self) -> bool:
        """Say whether `_take` knows what comes next without waiting."""
        return bool(self._engine.ready) or self._engine.finished

    def _take(self) -> Record | None:
        """Return the next record, None after the last; raise what has failed in its place."""
        # Another thread that closes the watch may empty it at any moment.
        with contextlib.suppress(IndexError):
            return self._engine.ready.popleft()
        self._engine.raise_failure()
        return None

    def _join(self, join: Callable[[Camera], None], name: str | None, source: AnySource | CameraSettings) -> None:
        """Let a source join the engine in one of its ways; one that is refused lets go of what it has opened."""
        settings = source if isinstance(source, CameraSettings) else CameraSettings(source)
        check_standard_input({**self._standard_input, str(name): settings})
        camera = make_camera(
            name if name is None else check_name(name),
            settings,
            self._session,
            wake_up=self._engine.wake_up,
            events=self._events,
            predictions=self._with_predictions,
            keypoints=self._with_keypoints,
        )
        try:
            join(camera)
        except SettingsError:
            camera.join()
            raise
        if name is None:
            self._unnamed = camera
        if classify(settings.source, looks=False) is SourceKind.STDIN:
            self._standard_input[str(name)] = settings
