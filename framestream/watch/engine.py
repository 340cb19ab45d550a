"""The loop of a watch: takes what the cameras' feeds bring, runs the model, and collects the records."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from framestream.errors import SettingsError
from framestream.feeds.feed import StopFlag
from framestream.feeds.inbox import WakeUpSignal
from framestream.model.session import ModelSession
from framestream.quantities import read_number
from framestream.records import Record
from framestream.watch.camera import Camera
from framestream.watch.camera_set import CameraSet
from framestream.watch.schedule import Scheduler

# While feeds are asked to end, how often to look whether one does not answer.
_IMPATIENT_SECONDS = 0.1


class Engine:
    """Runs on the thread of whoever calls `advance`; only the feeds have threads of their own.

    Attributes:
        session: The model.
        cameras: The cameras of the watch, which may be added and removed at any time.
        wake_up: Wakes the engine when there is something to do.
        ready: Records to be handed out.
        finished: Whether nothing comes after those.
    """

    def __init__(self, session: ModelSession, *, max_lag_seconds: float | None, until_stopped: bool = False) -> None:
        """Make an engine without cameras; `until_stopped` goes on while there are none."""
        if max_lag_seconds is not None:
            wanted = "a number of seconds above 0, or None"
            if read_number(max_lag_seconds, name="max_lag_seconds", wanted=wanted) <= 0:
                raise SettingsError(f"max_lag_seconds is {max_lag_seconds}: give {wanted}")
        self.session = session
        self.cameras = CameraSet()
        self.wake_up = WakeUpSignal()
        self.ready: deque[Record] = deque()
        self.finished = False
        self._scheduler = Scheduler(session, max_lag_seconds=max_lag_seconds)
        self._until_stopped = until_stopped
        self._failure: BaseException | None = None
        self._stop = StopFlag()
        # One round at a time, whoever asks for it.
        self._advancing = threading.RLock()

    def add(self, camera: Camera) -> None:
        """Let a camera join; see `CameraSet.add`."""
        self.cameras.add(camera)
        self.wake_up.send()

    def replace(self, camera: Camera) -> None:
        """Let a camera take another's place; see `CameraSet.replace`."""
        self.cameras.replace(camera)
        self.wake_up.send()

    def remove(self, name: str | None) -> None:
        """Let a camera leave; see `CameraSet.remove`."""
        self.cameras.remove(name)
        self.wake_up.send()

    def stop(self) -> None:
        """Ask all cameras to end; takes no lock, so a signal handler may call it."""
        self._stop.set()
        self.wake_up.send()

    def advance(self, timeout_seconds: float) -> None:
        """Do what there is to do; if there is nothing, wait for it, at most `timeout_seconds`."""
        with self._advancing:
            if self.finished:
                return
            if self._stop.is_set():
                self.cameras.stop_all()
            try:
                cameras = self.cameras.start_joining()
                for record in self._scheduler.run_round(cameras):
                    self.ready.append(record)
            except Exception as error:  # raised by raise_failure, after the records before it
                self._failure = error
                self.close()
                return
            failures = [camera.failure for camera in cameras if camera.failure is not None]
            if failures:
                self._failure = failures[0]
                self._stop.set()  # the others end, and say so, before the error is raised
            self.cameras.drop_finished()
            if (self._stop.is_set() or not self._until_stopped) and self.cameras.close_if_empty():
                self.finished = True
            elif not self.ready:
                self._wait_for_work(cameras, timeout_seconds)

    def _wait_for_work(self, cameras: Sequence[Camera], timeout_seconds: float) -> None:
        """Return once there is something to do; until then, make the next samples ready to be run."""
        while not any(camera.has_work for camera in cameras):
            if not any(camera.scale_one() for camera in cameras):
                stopping = any(camera.is_stopping for camera in cameras)
                self.wake_up.wait(min(timeout_seconds, _IMPATIENT_SECONDS) if stopping else timeout_seconds)
                return

    def raise_failure(self) -> None:
        """Raise what has ended the watch, the model's error or that of the source without a name; once."""
        error, self._failure = self._failure, None
        if error is None:
            return
        try:
            raise error
        finally:
            # Its traceback holds this frame; together they would wait for the garbage collector.
            del error

    def close(self) -> None:
        """End at once and wait until all feeds are gone; may be called twice, and by any thread."""
        self.finished = True
        self.cameras.close()
        self.wake_up.send()
        with self._advancing:
            self.cameras.stop_all()
            self.cameras.join_all()

    def abandon(self) -> None:
        """Tell all feeds to end, without waiting; for an owner who is being forgotten."""
        self.finished = True
        self.cameras.close()
        self.cameras.stop_all()
