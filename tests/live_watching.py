"""Watching one live camera in a test: what it brings, waiting for something to come, and nothing left at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import pytest

from framestream.feeds.feed import Arrival, Closed, Inbox, Opened
from framestream.feeds.items import Notice
from framestream.feeds.live.camera_feed import CameraFeed
from framestream.feeds.live.live_settings import LiveSettings
from framestream.records import Gap, Status
from framestream.sampling.sampler import Sample
from framestream.sampling.zones import Zone
from framestream.sources.decoders import DecoderChoice
from tests.descriptors import open_descriptors
from tests.promptness import PATIENCE_SECONDS
from tests.servers.rtsp import RtspCamera

# Nothing on a busy machine is taken for a stall.
STEADY = LiveSettings(open_seconds=30, stall_seconds=30, first_retry_seconds=0.2, longest_retry_seconds=0.5)
# Where one is wanted.
QUICK = replace(STEADY, open_seconds=6, stall_seconds=1.5)


class Watching:
    """A `CameraFeed` and everything it has put into its inbox; a context manager that fails if anything is left."""

    def __init__(
        self,
        source: str | int,
        *,
        settings: LiveSettings = STEADY,
        frame_rate: float = 10.0,
        zones: tuple[Zone, ...] = (),
        decoder: DecoderChoice = "auto",
    ) -> None:
        self.camera = CameraFeed(
            source, frame_rate=frame_rate, size_wh=(16, 12), zones=zones, settings=settings, decoder=decoder
        )
        self.inbox = Inbox(capacity=10_000)
        self.items: list[Notice | Arrival] = []
        self._pipes_before = _pipes()

    def __enter__(self) -> Watching:
        self.camera.start(self.inbox)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
        if error is None:
            self.check_nothing_is_left()

    def end(self) -> None:
        """Stop it; `join` gives up before two seconds are over, so that it has ended says it took less."""
        self.camera.stop()
        self.inbox.stop()
        self.camera.join()
        assert not self.camera.is_running
        self.collect()

    def check_nothing_is_left(self) -> None:
        assert isinstance(self.items[-1], Closed)
        assert reader_processes() == []
        assert _pipes() == self._pipes_before

    def collect(self) -> None:
        """Move what has come to `items`."""
        while (notices := self.inbox.take_notices()) or (samples := self.inbox.take_samples(1000)):
            self.items += notices or samples

    def until(self, found: Callable[[], object]) -> None:
        """Wait until something is true of what has come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.collect()
        while not found():
            if time.monotonic() > deadline:
                pytest.fail(
                    f"waited in vain; the newest statuses are {self.statuses[-3:]}, {len(self.samples)} samples"
                )
            time.sleep(0.01)
            self.collect()

    def until_samples(self, count: int) -> None:
        """Wait for so many more samples."""
        wanted = len(self.samples) + count
        self.until(lambda: len(self.samples) >= wanted)

    def until_state(self, state: str, times: int = 1) -> Status:
        """Wait for a status; return the newest of this state."""
        self.until(lambda: self.states.count(state) >= times)
        return [status for status in self.statuses if status.state == state][-1]

    @property
    def samples(self) -> list[Sample]:
        return [item.sample for item in self.items if isinstance(item, Arrival)]

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    @property
    def statuses(self) -> list[Status]:
        return [item for item in self.items if isinstance(item, Status)]

    @property
    def states(self) -> list[str]:
        return [status.state for status in self.statuses]

    @property
    def opened(self) -> list[Opened]:
        return [item for item in self.items if isinstance(item, Opened)]

    @property
    def closed(self) -> Closed:
        closed = self.items[-1]
        assert isinstance(closed, Closed)
        return closed


def check_one_timeline(watching: Watching) -> None:
    """Samples in order, no sample inside a gap, and frames that add up."""
    times = [sample.pts_seconds for sample in watching.samples]
    assert times[0] == 0.0
    assert times == sorted(set(times))
    for gap in watching.gaps:
        assert gap.resume_seconds >= gap.pts_seconds
        assert not any(gap.pts_seconds < seconds < gap.resume_seconds - 1e-6 for seconds in times)
    counts = watching.closed.counts
    assert counts.read == counts.sampled + counts.skipped
    # What was counted has come, or came after the stop.
    dropped = sum(watching.inbox.counts.dropped.values())
    assert sum(not sample.held for sample in watching.samples) + dropped == counts.sampled


def reader_processes() -> list[int]:
    """Process numbers of the readers this process has, dead ones that nobody waited for included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = status.rpartition(")")[2].split()[:2]
        if int(parent) == os.getpid() and (b"framestream.feeds.live.reader.program" in command or state == "Z"):
            found.append(int(folder.name))
    return found


def _pipes() -> int:
    """How many pipes this process has open, apart from those of cameras."""
    return sum(target.startswith("pipe:") for target in open_descriptors()) - 2 * RtspCamera.running


def all_text(watching: Watching, logged: str) -> str:
    """Everything a reader of logs, records and errors could see."""
    return "\n".join([repr(watching.items), repr(watching.camera), str(watching.closed.error), logged])
