"""Cameras that play a film over RTSP on 127.0.0.1, each at its own pace; `CameraServer` runs it as a process.

`python -m framestream.bench.rtsp_server [CODEC]` prints one JSON object (`port`, `codec`) once it listens, and ends
when standard input closes. Whatever address below `rtsp://127.0.0.1:PORT/` is asked for is a camera that begins with
the film's first frame. RTP goes through RTSP's own connection, as FrameStream asks cameras to do (RFC 2326, 10.12).
"""

from __future__ import annotations

import json
import os
import select
import socketserver
import struct
import sys
import threading
import time
from typing import cast

from framestream.bench.camera_film import CameraFilm, Codec, encode_film
from framestream.bench.rtp import CLOCK_RATE, describe, frame_payloads, payload_type

_INTERLEAVED = b"$"
_RTP_VERSION = 0x80
_LAST_OF_FRAME = 0x80
# Each stream has a connection of its own, so that all may call themselves the same.
_SOURCE = 1
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"


class RtspServer(socketserver.ThreadingTCPServer):
    """Serves any number of viewers, each on a thread.

    Attributes:
        film: The film that is played.
        description: Its SDP.
        payloads: The payloads of its RTP packets, frame by frame.
    """

    daemon_threads = True
    block_on_close = False
    # All cameras of a bench connect at one moment.
    request_queue_size = 128

    def __init__(self, film: CameraFilm) -> None:
        """Listen at a free port."""
        self.film = film
        self.description = describe(film).encode()
        self.payloads = [frame_payloads(film, index) for index in range(len(film.frames))]
        super().__init__(("127.0.0.1", 0), _Viewer)

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self.server_address[1])


class _Viewer(socketserver.StreamRequestHandler):
    """One connection: answers requests, and between them sends frames as they are due."""

    # What a buffer holds, select would not tell of.
    rbufsize = 0
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._sequence = 0
        self._is_playing = False
        try:
            while not self._is_playing:
                if not self._answer_next():
                    return
            self._play()
        except OSError:
            pass  # The viewer has gone.

    def _play(self) -> None:
        server = cast("RtspServer", self.server)
        rate = server.film.rate
        began_seconds, number = time.monotonic(), 0
        while self._serve_until(began_seconds + number / rate):
            payloads = server.payloads[number % len(server.payloads)]
            self.connection.sendall(self._packets(payloads, round(number * CLOCK_RATE / rate)))
            number += 1

    def _serve_until(self, due_seconds: float) -> bool:
        """Answer what is asked until the next frame is due; return False once the viewer wants no more."""
        while True:
            left_seconds = max(0.0, due_seconds - time.monotonic())
            if not select.select([self.connection], [], [], left_seconds)[0]:
                return True
            if not self._answer_next():
                return False

    def _packets(self, payloads: list[bytes], timestamp: int) -> bytes:
        kind, parts = payload_type(cast("RtspServer", self.server).film), []
        for index, payload in enumerate(payloads):
            marked = kind | (_LAST_OF_FRAME if index == len(payloads) - 1 else 0)
            header = struct.pack("!BBHII", _RTP_VERSION, marked, self._sequence, timestamp & 0xFFFFFFFF, _SOURCE)
            parts += [struct.pack("!cBH", _INTERLEAVED, 0, len(header) + len(payload)), header, payload]
            self._sequence = self._sequence + 1 & 0xFFFF
        return b"".join(parts)

    def _answer_next(self) -> bool:
        """Read a request and answer it; return False if it was the last."""
        request = self._next_request()
        if not request:
            return False
        (method, address, *_), fields = request[0].split(), dict(line.lower().split(": ", 1) for line in request[1:])
        body = b""
        lines = ["RTSP/1.0 200 OK", f"CSeq: {fields.get('cseq', '0')}", "Session: 1"]
        if method == "OPTIONS":
            lines.append(f"Public: {_METHODS}")
        elif method == "DESCRIBE":
            body = cast("RtspServer", self.server).description
            lines += [f"Content-Base: {address}/", "Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        elif method == "PLAY":
            lines.append("Range: npt=0.000-")
            self._is_playing = True
        self.connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body)
        return method != "TEARDOWN"

    def _next_request(self) -> list[str]:
        """Return the lines of the next request, nothing once the viewer has gone; its RTP reports are passed over."""
        while (first := self.rfile.read(1)) == _INTERLEAVED:
            _, length = struct.unpack("!BH", self.rfile.read(3))
            while length:
                length -= len(self.rfile.read(length))
        lines = []
        while line := (first + self.rfile.readline()).decode(errors="replace").strip():
            lines.append(line)
            first = b""
        return lines


def main() -> None:
    """Serve until standard input closes."""
    codec = cast("Codec | None", sys.argv[1] if len(sys.argv) > 1 else None)
    with RtspServer(encode_film(codec)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"port": server.port, "codec": server.film.codec}), flush=True)
        sys.stdin.read()
        # Threads that still send would hold up an ordinary end.
        os._exit(0)


if __name__ == "__main__":
    main()
