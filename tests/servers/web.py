"""HTTP servers in the test's own process: Motion JPEG, and files (recordings, HLS)."""

from __future__ import annotations

import base64
import functools
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import cv2
import numpy as np

_ServerType = TypeVar("_ServerType", bound="WebServer")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Those who are being served when the server closes notice by themselves.
    block_on_close = False


class WebServer:
    """A web server at a port of its own; a context manager."""

    def __init__(self, handler: Callable[..., socketserver.BaseRequestHandler]):
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self: _ServerType) -> _ServerType:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MjpegCamera(WebServer):
    """Motion JPEG over HTTP, as cheap cameras have it. Its fields may be changed while it runs.

    Attributes:
        size_wh: Width and height of the pictures.
        rate: Pictures per second.
        sending: False makes it hold still, with the connection open.
        pictures: After how many it ends a connection; None goes on.
        garbage: True sends noise instead of pictures.
        bad_every: Every so many pictures, one does not decode; None leaves all whole.
        login: What it asks for, "user:password".
        answer_seconds: How long it thinks before it answers.
        requests: How often it was asked.
    """

    def __init__(self, *, size_wh: tuple[int, int] = (64, 48), rate: float = 20.0) -> None:
        self.size_wh = size_wh
        self.rate = rate
        self.sending = True
        self.pictures: int | None = None
        self.garbage = False
        self.bad_every: int | None = None
        self.login: str | None = None
        self.answer_seconds = 0.0
        self.requests = 0
        self.closing = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.requests += 1
                _answer(self, camera)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"http://{self.host}/video"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        super().__exit__(kind, error, traceback)


def _answer(request: BaseHTTPRequestHandler, camera: MjpegCamera) -> None:
    camera.closing.wait(camera.answer_seconds)
    wanted = camera.login and "Basic " + base64.b64encode(camera.login.encode()).decode()
    if wanted and request.headers["Authorization"] != wanted:
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="camera"')
        request.end_headers()
        return
    request.send_response(200)
    request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
    request.end_headers()
    number = 0
    try:
        while not camera.closing.is_set():
            if camera.sending:
                request.wfile.write(_part(camera, number))
                number += 1
                if number == camera.pictures:
                    return
            time.sleep(1 / camera.rate)
    except OSError:
        pass  # The viewer has gone.


def _part(camera: MjpegCamera, number: int) -> bytes:
    if camera.garbage:
        return np.random.default_rng(number).bytes(4096)
    width, height = camera.size_wh
    # The left half changes from picture to picture, the right half is white.
    image = np.full((height, width, 3), (number * 10) % 128, np.uint8)
    image[:, width // 2 :] = 255
    picture = cv2.imencode(".jpg", image)[1].tobytes()
    if camera.bad_every is not None and number % camera.bad_every == camera.bad_every - 1:
        picture = picture[:2] + bytes(len(picture) - 2)
    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"


class FileServer(WebServer):
    """Serves a folder. Without ranges, as simple servers do."""

    def __init__(self, folder: Path) -> None:
        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(functools.partial(Handler, directory=str(folder)))

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}"
