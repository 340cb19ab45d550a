"""What a reader process is asked to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from framestream.sampling.zones import Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderJob:
    """One line of JSON on the reader's standard input: credentials never stand in an argument list or environment.

    Attributes:
        address: URL with its credentials, path of a device or its index.
        name: how it may be called in what people read.
        open_seconds: how long connecting may take.
        read_seconds: how long one read may take.
        frame_rate: frames per second that the model wants.
        size_wh: width and height of the samples, pixels.
        zones: parts of the picture; none means the whole.
    """

    address: str | int = field(repr=False)
    name: str
    open_seconds: float
    read_seconds: float
    frame_rate: float
    size_wh: tuple[int, int]
    zones: tuple[Zone, ...] = ()

    def to_line(self) -> bytes:
        """Return the job as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ReaderJob:
        """Read a job from its line."""
        values = json.loads(line)
        values["size_wh"] = tuple(values["size_wh"])
        values["zones"] = tuple(Zone(**zone) for zone in values["zones"])
        return cls(**values)
