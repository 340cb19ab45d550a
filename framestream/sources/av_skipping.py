"""Leaving out frames that nobody looks at and no other frame refers to."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Codecs whose decoder leaves out exactly the packets that no other refers to, one frame a packet.
_CODECS = ("h264", "hevc")
# Containers that keep frame by frame, each with its timestamp. What a transport or program stream holds is cut into
# frames by guessing, and not every piece is one.
_CONTAINERS = ("mp4", "matroska", "flv")


@dataclass(frozen=True, slots=True)
class SkippedFrame:
    """A frame that was not decoded, in its place among the others.

    Attributes:
        pts: Its presentation timestamp, in the stream's ticks.
        dts: None; it was never decoded.
        time_base: None, for the stream's own.
    """

    pts: int
    dts: None = None
    time_base: None = None


class FrameSkipper:
    """Tells a decoder packet by packet whether it may leave one out, and puts what it left out back into the order.

    Exact: what is decoded is what would be decoded otherwise, since only frames without dependants are missing.
    """

    def __init__(self, context: Any, *, container: str) -> None:
        """Prepare for a stream's codec context in a container, by FFmpeg's names for it, with commas between."""
        self._context = context
        self._is_possible = context.codec.canonical_name in _CODECS and any(
            name in _CONTAINERS for name in container.split(",")
        )
        self._last_pts: int | None = None
        self._until_pts = -math.inf
        self._is_skipping = False
        self._sent: list[int] = []

    def skip_until(self, pts: float) -> None:
        """Let frames before a timestamp be left out, that come after the one that was put in order last."""
        self._until_pts = pts

    def before(self, packet: Any) -> None:
        """Prepare the decoder for a packet."""
        if not self._is_possible:
            return
        pts, last = packet.pts, self._last_pts
        # What would give no frame, because it is damaged or hidden, must not seem to have been left out.
        is_whole = not packet.is_discard and not packet.is_corrupt
        skips = is_whole and pts is not None and last is not None and last < pts < self._until_pts
        if skips != self._is_skipping:
            self._context.skip_frame = "NONREF" if skips else "DEFAULT"
            self._is_skipping = skips
        if skips:
            heapq.heappush(self._sent, pts)

    def failed(self, packet: Any) -> None:
        """Take note that a packet was damaged, so that nothing of it was left out."""
        if packet.pts in self._sent:
            self._sent.remove(packet.pts)
            heapq.heapify(self._sent)

    def in_order(self, frame: Any) -> Iterator[Any]:
        """Yield what was left out before a frame, and the frame."""
        while self._sent and frame.pts is not None and self._sent[0] <= frame.pts:
            pts = heapq.heappop(self._sent)
            if pts < frame.pts:
                self._last_pts = pts
                yield SkippedFrame(pts)
        self._last_pts = frame.pts
        yield frame

    def rest(self) -> Iterator[SkippedFrame]:
        """Yield what was left out behind the last frame."""
        while self._sent:
            yield SkippedFrame(heapq.heappop(self._sent))
