"""Servers that take connections and then do the wrong thing."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

import numpy as np


class BadServer:
    """Accepts connections and sends each the same bytes, or nothing, and holds it open; a context manager."""

    def __init__(self, sends: bytes = b"", *, hangs_up: bool = False) -> None:
        self._sends = sends
        self._hangs_up = hangs_up
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def viewers(self) -> int:
        """How many it holds."""
        return len(self._open)

    def __enter__(self) -> BadServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Wakes the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (*self._open, self._listener):
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                connection.sendall(self._sends)
            except OSError:
                return
            if self._hangs_up:
                connection.close()
            else:
                self._open.append(connection)


def noise(size: int) -> bytes:
    """Bytes that are no video."""
    return np.random.default_rng(1).bytes(size)
