"""Records as JSON Lines; the fields are described in `framestream.records`."""

from __future__ import annotations

import json
from typing import TextIO

from framestream.records import Record


class JsonLinesSink:
    """Writes one JSON object a line, each flushed at once so that a pipe's reader sees it when it happens."""

    def __init__(self, output: TextIO) -> None:
        """Write to a text stream, which is left open."""
        self._output = output

    def write(self, record: Record) -> None:
        """Write one line."""
        # ASCII only: the reader may be any program, under any locale.
        self._output.write(json.dumps(record.to_dict(), allow_nan=False) + "\n")
        self._output.flush()

    def close(self) -> None:
        """Do nothing: every record was written at once."""
