"""Motion JPEG cameras that break off again and again, in a process of their own; counts what they have sent.

`/NAME` is a camera, `/` tells of all as JSON. Run by the test; prints its port, and ends when standard input
closes.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

SIZE_WH = (64, 48)
RATE = 1500.0
# Sent at once: five hundred times a second is often enough.
BATCH = 3
# How long one colour lasts.
COLOUR_FRAMES = 1000
COLOURS = ((0, 0, 255), (0, 255, 0), (255, 0, 0))


@dataclass
class Camera:
    """What one camera does, and has done.

    Attributes:
        frames: Number of frames after which the camera's film is over for good.
        frames_a_connection: Number of frames after which a connection ends.
        holds: Whether the connection stays open then, without another frame.
        sent: Frames it has sent.
        connections: How many of its connections had frames.
    """

    frames: int
    frames_a_connection: int
    holds: bool = False
    sent: int = 0
    connections: int = 0


class Handler(BaseHTTPRequestHandler):
    """Serves the cameras."""

    cameras: dict[str, Camera]
    closing = threading.Event()

    def do_GET(self) -> None:
        camera = self.cameras.get(self.path[1:])
        if camera is None:
            self._tell()
        elif camera.sent >= camera.frames:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            camera.connections += 1
            try:
                self._send(camera)
            except OSError:
                return  # The viewer has gone.
            if camera.holds:
                self.closing.wait()

    def _send(self, camera: Camera) -> None:
        began = time.monotonic()
        last = min(camera.sent + camera.frames_a_connection, camera.frames)
        first = camera.sent
        while camera.sent < last:
            count = min(BATCH, last - camera.sent)
            self.wfile.write(
                b"".join(
                    PARTS[number // COLOUR_FRAMES % len(PARTS)] for number in range(camera.sent, camera.sent + count)
                )
            )
            camera.sent += count
            early_seconds = began + (camera.sent - first) / RATE - time.monotonic()
            time.sleep(max(0.0, early_seconds))

    def _tell(self) -> None:
        body = json.dumps({name: asdict(camera) for name, camera in self.cameras.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _parts() -> Iterator[bytes]:
    for colour in COLOURS:
        picture = cv2.imencode(".jpg", np.full((SIZE_WH[1], SIZE_WH[0], 3), colour, np.uint8))[1].tobytes()
        head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        yield head.encode() + picture + b"\r\n"


PARTS = tuple(_parts())


def main() -> None:
    """Serve the cameras that the first line of standard input describes, until it closes."""
    Handler.cameras = {name: Camera(**values) for name, values in json.loads(sys.stdin.readline()).items()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
