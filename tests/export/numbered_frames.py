"""Caches of made-up frames that show which frame they are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream_export.data.footage import Recording, Segment
from framestream_export.data.frame_cache import FrameCache, FrameSegment


def make_cache(*lengths: int, labels: NDArray[np.int16] | None = None, rate: float = 12.5) -> FrameCache:
    """Frames whose pixels all hold their own number; one recording per length, of a label of its own unless given."""
    total = sum(lengths)
    frames = np.empty((total, 16, 16, 3), np.uint8)
    frames[:] = np.arange(total, dtype=np.uint8)[:, None, None, None]
    segments, recordings, pts, first = [], [], [], 0
    for number, length in enumerate(lengths):
        segments.append(FrameSegment(number, first, first + length))
        name = f"{number}.mp4"
        recordings.append(Recording(Path(name), name, (Segment(0.0, math.inf, str(number)),), name))
        pts.append(np.arange(length) / rate)
        first += length
    own = np.repeat(np.arange(len(lengths)), lengths).astype(np.int16)
    digests = tuple(f"{number:064x}" for number in range(len(lengths)))
    return FrameCache(
        frames,
        own if labels is None else labels,
        tuple(segments),
        tuple(recordings),
        (),
        "",
        np.concatenate(pts),
        digests,
    )
