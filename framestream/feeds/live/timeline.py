"""The media time and the counts of one camera, over all its connections."""

from __future__ import annotations

from dataclasses import replace

from framestream.feeds.live.protocol import Progress
from framestream.records import Gap
from framestream.sampling.sampler import Sample, SamplingCounts


class Timeline:
    """Joins connections, whose own times start at 0, on one clock: what was missed while there was none counts."""

    def __init__(self) -> None:
        """Start before the first connection."""
        self._before = SamplingCounts()
        self._progress: Progress | None = None
        self._declared_fps: float | None = None
        self._shift_seconds = 0.0

    @property
    def counts(self) -> SamplingCounts:
        """Counts of the frames of all connections."""
        total = replace(self._before)
        if self._progress is not None:
            _add(total, self._progress.counts)
        return total

    @property
    def end_seconds(self) -> float | None:
        """Media time at which the newest frame ends; None before the first."""
        return None if self._progress is None else self._shift_seconds + self._progress.end_seconds

    def connect(self, *, arrived_seconds: float, declared_fps: float | None, cause: str) -> Gap | None:
        """Begin a connection at its first frame; return the gap since the one before, if there was one with frames.

        Args:
            arrived_seconds: When the frame arrived, by `time.monotonic()`.
            declared_fps: Declared frame rate, for the estimate of lost frames where no rate could be measured.
            cause: Why the connection before was lost.
        """
        last, end_seconds = self._progress, self.end_seconds
        gap: Gap | None = None
        if last is not None and end_seconds is not None:
            outage_seconds = arrived_seconds - last.arrived_seconds
            resume_seconds = max(self._shift_seconds + last.pts_seconds + outage_seconds, end_seconds)
            fps = self._frames_per_second(last)
            lost = None if fps is None else round((resume_seconds - end_seconds) * fps)
            gap = Gap(
                pts_seconds=end_seconds,
                reason=f"reconnected: {cause}",
                resume_seconds=resume_seconds,
                frames_lost=lost,
            )
            _add(self._before, last.counts)
            self._shift_seconds = resume_seconds
        self._declared_fps = declared_fps
        self._progress = Progress(arrived_seconds=arrived_seconds)
        return gap

    def advance(self, progress: Progress) -> None:
        """Take note of how far the connection has come."""
        self._progress = progress

    def place(self, item: Sample | Gap) -> Sample | Gap:
        """Return a connection's item with its time on the camera's clock."""
        if isinstance(item, Sample):
            return replace(item, pts_seconds=item.pts_seconds + self._shift_seconds)
        return replace(
            item,
            pts_seconds=item.pts_seconds + self._shift_seconds,
            resume_seconds=item.resume_seconds + self._shift_seconds,
        )

    def _frames_per_second(self, last: Progress) -> float | None:
        """The rate of a connection as measured, from its second frame on; before that as declared."""
        if last.counts.read > 1 and last.pts_seconds > 0:
            return (last.counts.read - 1) / last.pts_seconds
        return self._declared_fps


def _add(total: SamplingCounts, counts: SamplingCounts) -> None:
    total.read += counts.read
    total.sampled += counts.sampled
    total.held += counts.held
    total.skipped += counts.skipped
    total.undecodable += counts.undecodable
