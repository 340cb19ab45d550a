"""Cameras that are read over the network and decoded by processes of their own, as `framestream watch` reads them."""

from __future__ import annotations

import os
import select
import time

from framestream.bench.bench_report import CamerasFigures, Facts
from framestream.bench.camera_film import Codec
from framestream.bench.camera_server import CameraServer
from framestream.bench.moments import Moment, cores_used
from framestream.bench.processor_time import child_seconds
from framestream.bench.synthetic_footage import CAMERA_RATE, CAMERA_SIZE_WH
from framestream.bench.timed_session import TimedSession
from framestream.bench.timing import Timings
from framestream.classifier import Classifier
from framestream.cores import usable_cores
from framestream.errors import SourceError
from framestream.records import End, Prediction, Status
from framestream.watch.watch import Watch

STALENESS_TARGET_MS = 250.0
# How long cameras may take until each has a prediction: what one takes, and what each that starts beside it adds.
_CONNECT_SECONDS = 30.0
_CONNECT_SECONDS_PER_CAMERA = 2.0
# What has piled up while they connected is worked off.
_SETTLE_SECONDS = 1.0


def can_watch_streams() -> bool:
    """Say whether cameras can be watched on this system: where pipes can be waited for."""
    return hasattr(select, "poll")


def measure_streams(
    classifier: Classifier, *, cameras: int, seconds: float, codec: Codec | None = None
) -> CamerasFigures:
    """Start cameras on this machine, watch them, and see what it costs, what is dropped and how late predictions are.

    Measured is from the moment at which each camera has had a prediction and what piled up before is worked off.

    Args:
        classifier: The model.
        cameras: Number of cameras.
        seconds: How long to measure.
        codec: What the cameras send, see `CameraServer`.

    Raises:
        SourceError: The cameras cannot be started, or some of them cannot be watched.
    """
    names = [f"camera-{index}" for index in range(cameras)]
    staleness: list[float] = []
    ends: list[End] = []
    broken_off = 0
    others = set(child_seconds() or {})
    session = TimedSession(classifier.session)
    with CameraServer(codec=codec) as server:
        started_seconds = time.monotonic()
        with Classifier(session).watch_many({name: server.url(name) for name in names}) as watch:
            _connect(watch, set(names), started_seconds)
            connected_seconds = time.monotonic() - started_seconds
            begin = end = Moment.now(watch, session)
            for record in watch:
                if isinstance(record, End):
                    ends.append(record)
                elif isinstance(record, Status):
                    broken_off += record.state == "reconnecting"
                elif isinstance(record, Prediction) and record.staleness_seconds is not None and end is begin:
                    staleness.append(record.staleness_seconds)
                if end is begin and time.monotonic() - begin.at_seconds >= seconds:
                    end = Moment.now(watch, session)
                    watch.stop()
        played_by = server.pid
    if end is begin:
        raise SourceError("the bench's own cameras ended before they were measured; try again")
    facts: Facts = {
        "codec": server.codec,
        "transport": "RTSP",
        "size_wh": list(CAMERA_SIZE_WH),
        "rate": CAMERA_RATE,
        "connect_seconds": connected_seconds,
        "seconds": end.at_seconds - begin.at_seconds,
        "frames_read": sum(record.frames_read for record in ends),
        "predictions": len(staleness),
        "connections_lost": broken_off,
        "dropped": dict(end.dropped - begin.dropped),
        "dropped_while_connecting": dict(begin.dropped),
        **cores_used(begin, end, server=played_by, others=others),
    }
    timings = Timings.of(staleness)
    falls_short = bool(facts["dropped"]) or timings.p95_ms > STALENESS_TARGET_MS
    reason = _explain(facts) if falls_short else ""
    return CamerasFigures(cameras, facts, timings, STALENESS_TARGET_MS, reason)


def _connect(watch: Watch, waiting: set[str], started_seconds: float) -> None:
    """Go on until each camera has had a prediction, and a little more."""
    allowed_seconds = _CONNECT_SECONDS + _CONNECT_SECONDS_PER_CAMERA * len(waiting)
    reasons: dict[str | None, str] = {}
    settled_seconds: float | None = None
    for record in watch:
        now = time.monotonic()
        if isinstance(record, Prediction) and record.camera is not None:
            waiting.discard(record.camera)
        elif isinstance(record, Status) and record.reason:
            reasons[record.camera] = record.reason
        if not waiting and settled_seconds is None:
            settled_seconds = now + _SETTLE_SECONDS
        if settled_seconds is not None and now >= settled_seconds:
            return
        if waiting and now - started_seconds > allowed_seconds:
            break
    first = min(waiting)
    raise SourceError(
        f"{len(waiting)} of the bench's own cameras gave no prediction within {allowed_seconds:.0f} s"
        f" ({first}: {reasons.get(first, 'no frame came')}); give fewer with --cameras"
    )


def _explain(facts: Facts) -> str:
    """Say why predictions came late or not at all."""
    cores, used = usable_cores(), facts["cores_used"]
    if used is None:
        return "this machine does not tell what its processes take; use fewer cameras, or a smaller model"
    played = facts["cores_that_play_the_cameras"] or 0.0
    text = f"{used:.2f} of {cores} cores in all, and {played:.2f} that play the cameras"
    if used + played < 0.9 * cores and hasattr(os, "getloadavg"):
        return f"{text}; other work on this machine (load average {os.getloadavg()[0]:.1f}) took the rest"
    return f"{text}: too much for this machine; use fewer cameras, or a smaller model"
