"""An HTTP camera that sends a film as it is, at the pace it was taken: an MPEG transport stream made by FFmpeg."""

from __future__ import annotations

import shutil
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.servers.web import WebServer


class TransportStream(WebServer):
    """Plays a film from its beginning to whoever asks, without encoding it again; a context manager."""

    def __init__(self, ffmpeg: str, film: Path) -> None:
        command = [ffmpeg, "-v", "error", "-re", "-i", str(film), "-c", "copy", "-f", "mpegts", "-"]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as player:
                    assert player.stdout is not None
                    try:
                        shutil.copyfileobj(player.stdout, self.wfile, 1 << 14)
                    except OSError:
                        player.kill()  # The viewer has gone.

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"http://{self.host}/film.ts"
