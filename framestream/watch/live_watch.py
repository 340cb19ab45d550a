"""Watching one live source."""

from __future__ import annotations

from framestream.frames import SourceInfo
from framestream.model.session import ModelSession
from framestream.records import End, Record, Status
from framestream.watch.engine import Engine
from framestream.watch.settings import CameraSettings, make_camera
from framestream.watch.watching import Watching


class LiveWatch(Watching):
    """What one live source shows, as records: what a ``Watch`` yields, and a ``Status`` whenever that changes.

    Made by ``Classifier.watch``. A camera that is away is waited for. Where it is given up (``reconnect`` is off, or a
    source of the caller's own fails), its error is raised in the place of ``End``.
    """

    def __init__(
        self,
        session: ModelSession,
        settings: CameraSettings,
        *,
        predictions: bool = True,
        max_lag_seconds: float | None = None,
    ) -> None:
        """Prepare to watch; the source is opened when the first record is asked for."""
        engine = Engine(session, max_lag_seconds=max_lag_seconds)
        self._camera = make_camera(None, settings, session, bell=engine.bell, predictions=predictions)
        engine.add(self._camera)
        super().__init__(engine)

    @property
    def info(self) -> SourceInfo | None:
        """What the source says about itself, or None before it has been opened."""
        return self._camera.info

    @property
    def status(self) -> Status:
        """How it is."""
        return self._camera.status

    def _take(self) -> Record | None:
        record = super()._take()
        error = self._camera.error
        if isinstance(record, End) and error is not None:
            self.close()
            raise error
        return record
