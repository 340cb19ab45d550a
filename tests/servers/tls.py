"""A front that speaks TLS before a server that does not, and notes what it was told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType

from tests.servers.certificates import Certificate


class TlsFront:
    """Hands on to a server what comes in over TLS, in threads; a context manager.

    Attributes:
        heard: All that was told after the greeting, of all connections.
    """

    def __init__(self, target: str, certificate: Certificate) -> None:
        self._target = target.rpartition(":")[0], int(target.rpartition(":")[2])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.heard = bytearray()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TlsFront:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            viewer = self._context.wrap_socket(plain, server_side=True)
            server = socket.create_connection(self._target)
            self._sockets += [viewer, server]
            threading.Thread(target=self._copy, args=(server, viewer, None), daemon=True).start()
            self._copy(viewer, server, self.heard)

    def _copy(self, source: socket.socket, target: socket.socket, heard: bytearray | None) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                if heard is not None:
                    heard += chunk
                target.sendall(chunk)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
