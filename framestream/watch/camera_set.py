"""The cameras of a watch: running, waiting to start, and waiting to stop."""

from __future__ import annotations

import threading

from framestream.errors import SettingsError
from framestream.records import Status
from framestream.watch.camera import Camera


class CameraSet:
    """The cameras of one watch. Any thread may add and remove; only the engine starts and drops them."""

    def __init__(self) -> None:
        """Make a set without cameras."""
        self._lock = threading.Lock()
        self._running: list[Camera] = []
        self._joining: list[Camera] = []
        self._leaving: list[Camera] = []
        self._statuses: dict[str | None, Status] = {}
        self._closed = False

    def add(self, camera: Camera) -> None:
        """Let a camera join.

        Raises:
            SettingsError: A camera of that name is there and has not been removed; or the watch has ended.
        """
        with self._lock:
            self._check_open(camera)
            if any(other.name == camera.name for other in self._present()):
                raise SettingsError(f"there is a {_called(camera.name)} already; remove it first, or take another name")
            self._joining.append(camera)

    def replace(self, camera: Camera) -> None:
        """Let a camera take the place of the one of its name, once that has let go; where there is none, it joins.

        Raises:
            SettingsError: The watch has ended.
        """
        with self._lock:
            self._check_open(camera)
            self._leaving += [other for other in self._present() if other.name == camera.name]
            self._statuses.pop(camera.name, None)
            self._joining.append(camera)

    def remove(self, name: str | None) -> None:
        """Let a camera leave: it is asked to stop, and gone after its `End`. One that has ended is forgotten.

        Raises:
            SettingsError: No camera has that name.
        """
        with self._lock:
            # One that has finished by itself and has not been dropped yet leaves as well.
            for camera in (*self._present(), *(other for other in self._running if other.finished)):
                if camera.name == name:
                    self._leaving.append(camera)
                    return
            if self._statuses.pop(name, None) is None:
                known = ", ".join(sorted(_called(camera.name) for camera in self._present())) or "none"
                raise SettingsError(f"there is no {_called(name)}; there is {known}")

    def names(self) -> list[str | None]:
        """Return the names of the cameras that are here or join, without those that leave."""
        with self._lock:
            return [camera.name for camera in self._present()]

    def statuses(self) -> dict[str | None, Status]:
        """Return the newest status of each camera, also of those that have ended by themselves."""
        with self._lock:
            current = {camera.name: camera.status for camera in (*self._joining, *self._running)}
            return {**self._statuses, **current}

    def dropped(self) -> dict[str | None, dict[str, int]]:
        """Return how many frames each camera that is here has dropped so far, by reason."""
        with self._lock:
            return {camera.name: camera.dropped for camera in (*self._joining, *self._running)}

    def start_joining(self) -> list[Camera]:
        """Start cameras that were added, stop those that were removed, and return all that run."""
        with self._lock:
            leaving, self._leaving = self._leaving, []
            names = {camera.name for camera in self._running}
            # One that leaves before it came was never here; a changed one waits until its old self has let go.
            never_here = [camera for camera in self._joining if camera in leaving]
            joining = [camera for camera in self._joining if camera not in leaving]
            ready = [camera for camera in joining if camera.name not in names]
            self._joining = [camera for camera in joining if camera.name in names]
            self._running += ready
            running = list(self._running)
        for camera in ready:
            camera.start()
        for camera in leaving:
            if camera in running:
                camera.stop()
        for camera in never_here:
            camera.join()
        return running

    def drop_finished(self) -> None:
        """Drop the cameras that have finished, and keep the last status of each that ended by itself."""
        with self._lock:
            gone = self._take_finished()
        for camera in gone:
            camera.join()

    def _take_finished(self) -> list[Camera]:
        gone = [camera for camera in self._running if camera.finished]
        self._running = [camera for camera in self._running if not camera.finished]
        for camera in gone:
            # Of those that were removed nothing stays, so that any number can come and go.
            self._statuses.pop(camera.name, None)
            if not (camera.is_stopping or camera in self._leaving):
                self._statuses[camera.name] = camera.status
        return gone

    def close(self) -> None:
        """Take no more cameras."""
        with self._lock:
            self._closed = True

    def close_if_empty(self) -> bool:
        """Take no more cameras if none is here or joins; return whether that is so.

        In one go, so that none joins a watch that has just found itself empty.
        """
        with self._lock:
            if not (self._running or self._joining):
                self._closed = True
            return self._closed

    def stop_all(self) -> None:
        """Ask all to end; those whose source has not been opened never begin."""
        with self._lock:
            self._joining = [camera for camera in self._joining if camera.is_open]
            running = [*self._running, *self._joining]
        for camera in running:
            camera.stop()

    def join_all(self) -> None:
        """Wait until all feeds are gone."""
        with self._lock:
            running = [*self._take_finished(), *self._running, *self._joining]
            self._running, self._joining = [], []
        for camera in running:
            camera.join()

    def _check_open(self, camera: Camera) -> None:
        if self._closed:
            raise SettingsError(f"{_called(camera.name)} comes too late: the watch has ended; start another")

    def _present(self) -> list[Camera]:
        return [
            camera
            for camera in (*self._joining, *self._running)
            if not (camera.finished or camera.is_stopping or camera in self._leaving)
        ]


def _called(name: str | None) -> str:
    return "source without a name" if name is None else f"camera {name}"
