"""Which samples of which cameras are run next: together if they can, fairly if there is no time for all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from framestream.feeds.inbox import CHUNK_STEPS
from framestream.model.session import ModelSession
from framestream.records import Record, Status
from framestream.stream import run_together
from framestream.watch.camera import Camera

# Rows of one run, over all its cameras: more gains nothing and takes memory.
_MAX_ROWS = 64
# Samples of one live camera in a run: it has more only if it had to wait.
_MAX_STEPS = 16
# How much the newest run counts in the estimate of what a row costs.
_LEARNING = 0.2


class Scheduler:
    """Runs rounds: each camera in turn gives what is ready, and all that is run as one.

    A live camera's samples that would be older than `max_lag_seconds` when they are done are dropped, so the newest
    win. A round is kept shorter than half of that, if need be by leaving cameras for the next, which begins with them:
    so all are dropped from alike.
    """

    def __init__(self, session: ModelSession, *, max_lag_seconds: float | None) -> None:
        """Make a scheduler; with None samples wait until their inbox is full."""
        self._session = session
        self._max_lag_seconds = max_lag_seconds
        self._row_seconds = 0.0
        self._round_seconds = 0.0
        self._last_served: Camera | None = None
        self._has_reported_overload = False

    def run_round(self, cameras: Sequence[Camera]) -> Iterator[Record]:
        """Handle all notices and run what is ready; yields nothing if there was nothing to do."""
        ready: list[Camera] = []
        for camera in self._in_turn(cameras):
            self._drop_old(camera)
            yield from camera.notices()
            if camera.has_missed and not self._has_reported_overload:
                self._has_reported_overload = True
                yield self._overload(camera, len(cameras))
            if camera.has_steps:
                ready.append(camera)
        if ready:
            yield from self._run(ready, among_live=any(camera.live for camera in cameras))

    def _run(self, ready: Sequence[Camera], *, among_live: bool) -> Iterator[Record]:
        limit, steps = self._measure_out(ready, among_live=among_live)
        owner = {}
        rows = 0
        for camera in ready:
            if rows and rows + steps * len(camera.zones) > limit:
                break
            yield from camera.load(steps)
            self._last_served = camera
            for zone in camera.zones:
                owner[zone.stream] = camera, zone
                rows += zone.stream.pending_steps
        began = time.monotonic()
        for stream, results in run_together(self._session, list(owner)):
            camera, zone = owner[stream]
            yield from camera.records(zone, results)
        self._learn(time.monotonic() - began, rows)

    def _drop_old(self, camera: Camera) -> None:
        # Whether it is live is known for sure once it has said what it is.
        if camera.live and camera.info is not None and self._max_lag_seconds is not None:
            camera.inbox.drop_older_than(time.monotonic() + self._round_seconds - self._max_lag_seconds)

    def _measure_out(self, ready: Sequence[Camera], *, among_live: bool) -> tuple[int, int]:
        """Return how many rows a round may have, and how many samples of each camera."""
        if not among_live:
            # Recordings take turns. A chunk of one is as cheap as a batch of many, and the threads that read many, all
            # given room at once, would take the cores from the model.
            zones = max(len(camera.zones) for camera in ready)
            return CHUNK_STEPS, max(1, min(CHUNK_STEPS, _MAX_ROWS // zones))
        limit = _MAX_ROWS
        if self._max_lag_seconds is not None and self._row_seconds:
            limit = max(1, min(limit, int(self._max_lag_seconds / 2 / self._row_seconds)))
        return limit, max(1, min(_MAX_STEPS, limit // sum(len(camera.zones) for camera in ready)))

    def _learn(self, seconds: float, rows: int) -> None:
        if not rows:
            return
        newest = seconds / rows
        self._row_seconds += (newest - self._row_seconds) * (_LEARNING if self._row_seconds else 1)
        # Bounded, or one slow round would have everything dropped and nothing learnt again.
        self._round_seconds = min(self._row_seconds * rows, (self._max_lag_seconds or 0) / 2)

    def _in_turn(self, cameras: Sequence[Camera]) -> list[Camera]:
        """Return the cameras, beginning with the one after the last that was served."""
        if self._last_served not in cameras:
            return list(cameras)
        after = cameras.index(self._last_served) + 1
        return [*cameras[after:], *cameras[:after]]

    def _overload(self, camera: Camera, cameras: int) -> Status:
        lag = "what the inbox holds" if self._max_lag_seconds is None else f"{self._max_lag_seconds:g} s"
        reason = (
            f"frames that would be older than {lag} are dropped: the network, the machine or whoever reads the results "
            f"is too slow for {cameras} camera" + ("" if cameras == 1 else "s")
        )
        return Status(state="overloaded", reason=reason, camera=camera.name)
