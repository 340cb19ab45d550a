"""Hours of four bad cameras in a minute or two: nothing grows, nothing is left, and every frame is accounted for."""

from __future__ import annotations

import gc
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framestream import Classifier, End, Event, Gap, LiveSettings, Prediction, Record, Status
from framestream.model.session import ModelSession, State
from framestream.watch.camera_settings import CameraSettings
from framestream.watch.watch import Watch
from tests.live_watching import reader_processes
from tests.soak.cameras import Camera
from tests.tiny_model import make_spec, write_model

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell its memory"),
]

FRAMES_A_CAMERA = 50_000
CAMERAS = {
    "a": Camera(FRAMES_A_CAMERA, 2000),
    "b": Camera(FRAMES_A_CAMERA, 2500),
    "c": Camera(FRAMES_A_CAMERA, 3125),
    # More of them, for those that its reader cannot report each time it has to be killed.
    "freezes": Camera(FRAMES_A_CAMERA + 10_000, 5000, holds=True),
}
# About every third frame goes through the model.
FRAME_RATE = 500.0
WARM_SHARE = 0.2
GROWTH_BYTES = 10_000_000
# Three pipes for each reader, and what a process that is just being started has open for a moment.
DESCRIPTORS_A_CAMERA = 10
LOOK_SECONDS = 0.5
# The consumer's, so that frames become too old.
REST_EVERY_SECONDS, REST_SECONDS = 10.0, 1.5
PATIENCE_SECONDS = 900.0


class CountingSession(ModelSession):
    """Counts the frames that the model really saw."""

    frames = 0

    def run_with(
        self, frames: NDArray[np.uint8], state: State, outputs: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
        self.frames += frames.shape[0] * frames.shape[1]
        return super().run_with(frames, state, outputs)


@dataclass(frozen=True)
class Snapshot:
    """What the process holds at some moment."""

    sent: int
    resident_bytes: int
    descriptors: int
    threads: int


@dataclass
class Tally:
    """What came out, counted and not kept."""

    records: dict[tuple[str | None, type[Record]], int] = field(default_factory=dict)
    ends: dict[str | None, End] = field(default_factory=dict)
    over: set[str | None] = field(default_factory=set)
    reconnects: dict[str | None, int] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)

    def take(self, record: Record) -> None:
        key = (record.camera, type(record))
        self.records[key] = self.records.get(key, 0) + 1
        if isinstance(record, End):
            self.ends[record.camera] = record
        elif isinstance(record, Status) and "404" in (record.reason or ""):
            self.over.add(record.camera)
        elif isinstance(record, Gap) and record.reason.startswith("reconnected: "):
            self.reconnects[record.camera] = self.reconnects.get(record.camera, 0) + 1

    def count(self, camera: str, kind: type[Record]) -> int:
        return self.records.get((camera, kind), 0)


class Server:
    """The cameras' process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({name: asdict(camera) for name, camera in CAMERAS.items()}) + "\n")
        process.stdin.flush()
        self.port = int(process.stdout.readline())

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def cameras(self) -> dict[str, Camera]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/")
        told = json.loads(connection.getresponse().read())
        connection.close()
        return {name: Camera(**values) for name, values in told.items()}


@contextmanager
def serving() -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.soak.cameras"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def take_snapshot(sent: int) -> Snapshot:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = len(os.listdir("/proc/self/fd"))
    return Snapshot(sent, pages * os.sysconf("SC_PAGE_SIZE"), descriptors, threading.active_count())


def watch_until_over(watch: Watch, server: Server) -> Tally:
    """Watch until no camera has frames any more, with a rest from time to time."""
    tally = Tally()
    began = looked = rested = time.monotonic()
    for record in watch:
        tally.take(record)
        now = time.monotonic()
        assert now - began < PATIENCE_SECONDS, f"not done in time: {watch.statuses}"
        if now - looked >= LOOK_SECONDS:
            looked = now
            tally.snapshots.append(take_snapshot(sum(camera.sent for camera in server.cameras().values())))
        if now - rested >= REST_EVERY_SECONDS:
            time.sleep(REST_SECONDS)
            rested = time.monotonic()
        if tally.over == set(CAMERAS):
            watch.stop()
    return tally


def check_counts(tally: Tally, sent: dict[str, Camera], session: CountingSession) -> None:
    """Every frame that was sent is accounted for."""
    assert set(tally.ends) == set(CAMERAS)
    for name, end in tally.ends.items():
        assert name is not None
        assert end.frames_read == end.frames_sampled + end.frames_skipped + end.frames_dropped
        assert end.frames_dropped == sum(end.dropped.values())
        assert end.predictions == tally.count(name, Prediction)
        assert end.events == tally.count(name, Event)
        assert end.gaps == tally.count(name, Gap)
        assert tally.reconnects[name] == sent[name].connections - 1
        if CAMERAS[name].holds:
            # Its reader could not say any more what came after the last sample.
            assert FRAMES_A_CAMERA <= end.frames_read <= sent[name].sent
        else:
            assert end.frames_read == sent[name].sent == FRAMES_A_CAMERA
    ends = tally.ends.values()
    assert session.frames == sum(end.frames_sampled + end.frames_held for end in ends)
    # All of this was put to the test.
    assert min(min(end.frames_skipped, end.frames_sampled, end.frames_dropped, end.events) for end in ends) > 0


def check_growth(snapshots: list[Snapshot], before: Snapshot) -> tuple[int, int]:
    """Return the resident bytes when it was warm, and the most there were later."""
    total = FRAMES_A_CAMERA * len(CAMERAS)
    warm = [item for item in snapshots if item.sent < WARM_SHARE * total]
    later = [item for item in snapshots if item.sent >= WARM_SHARE * total]
    assert len(warm) > 5
    assert len(later) > 20
    warm_bytes, later_bytes = (max(item.resident_bytes for item in part) for part in (warm, later))
    assert later_bytes - warm_bytes < GROWTH_BYTES
    # However often they have connected: none is left from before.
    allowed = before.descriptors + DESCRIPTORS_A_CAMERA * len(CAMERAS)
    assert max(item.descriptors for item in snapshots) <= allowed
    assert max(item.threads for item in snapshots) <= before.threads + len(CAMERAS)
    return warm_bytes, later_bytes


def live_settings(camera: Camera) -> LiveSettings:
    # The one that freezes has to be noticed soon; the others may be slow on a busy machine.
    stall_seconds = 1.0 if camera.holds else 60.0
    return LiveSettings(
        open_seconds=60, stall_seconds=stall_seconds, first_retry_seconds=0.1, longest_retry_seconds=0.2
    )


def test_two_hundred_thousand_frames(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    write_model(tmp_path / "tiny.onnx", make_spec(frame_rate=FRAME_RATE))
    session = CountingSession(tmp_path / "tiny.onnx", device="cpu", threads=1)
    session.frames = 0
    with serving() as server:
        settings = {
            name: CameraSettings(server.url(name), live=live_settings(camera)) for name, camera in CAMERAS.items()
        }
        before = take_snapshot(0)
        began = time.monotonic()
        with Classifier(session).watch_many(settings) as watch:
            tally = watch_until_over(watch, server)
        seconds = time.monotonic() - began
        sent = server.cameras()
        gc.collect()
        after = take_snapshot(FRAMES_A_CAMERA * len(CAMERAS))
    assert reader_processes() == []
    assert (after.descriptors, after.threads) == (before.descriptors, before.threads)
    check_counts(tally, sent, session)
    warm_bytes, later_bytes = check_growth(tally.snapshots, before)
    figures = {
        "seconds": round(seconds, 1),
        "frames_read": sum(end.frames_read for end in tally.ends.values()),
        "connections": sum(camera.connections for camera in sent.values()),
        "resident_warm_mb": round(warm_bytes / 1e6, 1),
        "resident_most_mb": round(later_bytes / 1e6, 1),
        "resident_end_mb": round(after.resident_bytes / 1e6, 1),
        "descriptors": [before.descriptors, max(item.descriptors for item in tally.snapshots), after.descriptors],
        "ends": {name: end.to_dict() for name, end in sorted(tally.ends.items(), key=str)},
    }
    for name, value in figures.items():
        record_property(name, value)
    print(json.dumps(figures, indent=1))
