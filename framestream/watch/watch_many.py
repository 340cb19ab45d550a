"""Watching many sources at once."""

from __future__ import annotations

from collections.abc import Mapping

from framestream.errors import SettingsError
from framestream.model.session import ModelSession
from framestream.model.spec import EventSettings
from framestream.records import Status
from framestream.sources import AnySource
from framestream.watch.camera import Camera
from framestream.watch.engine import Engine
from framestream.watch.settings import CameraSettings, check_name, check_standard_input, make_camera
from framestream.watch.watching import Watching


class WatchMany(Watching):
    """What many cameras and recordings show, as one row of records that each name their ``camera``.

    Made by ``Classifier.watch_many``. Frames of all are run together, which changes no result; each has its own state,
    settings and fate: one that fails says so in a ``Status``, and the others go on. Each camera that has begun ends
    with one ``End``. Cameras may come and go at any time::

        with classifier.watch_many({"door": "rtsp://…", "yard": "rtsp://…"}) as watch:
            for record in watch:
                ...                        # and, from here or any other thread:
                watch.add("hall", 0)
                watch.remove("yard")
    """

    def __init__(
        self,
        session: ModelSession,
        cameras: Mapping[str, AnySource | CameraSettings],
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
        max_lag_seconds: float | None = None,
        until_stopped: bool = False,
    ) -> None:
        """Prepare to watch; sources are opened when the first record is asked for, each by its own thread."""
        engine = Engine(session, max_lag_seconds=max_lag_seconds, until_stopped=until_stopped)
        self._session = session
        self._events = events
        self._with_predictions = predictions
        super().__init__(engine)
        settings = {name: _settings_of(source) for name, source in cameras.items()}
        check_standard_input(settings)
        for name, camera in settings.items():
            self.add(name, camera)
        if not cameras and not until_stopped:
            raise SettingsError("there are no cameras to watch; give one or more, or until_stopped=True")

    @property
    def statuses(self) -> dict[str, Status]:
        """How each camera is, by name; those that were removed are left out."""
        return {name: status for name, status in self._engine.roster.statuses().items() if name is not None}

    def add(self, name: str, source: AnySource | CameraSettings) -> None:
        """Let a camera join, from any thread. One that still has that name and was removed is waited for.

        Raises:
            SettingsError: the name is taken, the source is none, or the watch has ended.
        """
        self._engine.add(self._make_camera(name, source))

    def replace(self, name: str, source: AnySource | CameraSettings) -> None:
        """Let a camera take the place of the one of that name, from any thread; where there is none, it joins.

        Raises:
            SettingsError: the source is none, or the watch has ended.
        """
        self._engine.replace(self._make_camera(name, source))

    def remove(self, name: str) -> None:
        """Let a camera leave, from any thread; its ``End`` follows, and the others notice nothing.

        Raises:
            SettingsError: there is no camera of that name.
        """
        self._engine.remove(name)

    def _make_camera(self, name: str, source: AnySource | CameraSettings) -> Camera:
        return make_camera(
            check_name(name),
            _settings_of(source),
            self._session,
            bell=self._engine.bell,
            events=self._events,
            predictions=self._with_predictions,
        )


def _settings_of(source: AnySource | CameraSettings) -> CameraSettings:
    return source if isinstance(source, CameraSettings) else CameraSettings(source)
