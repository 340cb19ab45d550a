"""An RTSP camera in a process of its own, on GStreamer: a moving test picture or a file, on 127.0.0.1.

Run by an interpreter that has GStreamer's bindings (Debian: `/usr/bin/python3`), never imported by the tests. Prints
its port on standard output once it listens, and ends when standard input closes.
"""

from __future__ import annotations

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

MOUNT = "/camera"
RAW = "video/x-raw,format=I420,width={width},height={height},framerate={rate}/1"
TEST_PICTURE = (
    "( videotestsrc is-live=true pattern={pattern} ! " + RAW + " ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 bitrate=2000 ! rtph264pay name=pay0 pt=96 )"
)
SILENT_PICTURE = "( videotestsrc is-live=true ! " + RAW + " ! valve drop=true ! x264enc ! rtph264pay name=pay0 pt=96 )"
RECORDING = "( filesrc location={path} ! matroskademux ! h264parse ! rtph264pay name=pay0 pt=96 )"


def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--rate", default="25")
    parser.add_argument("--pattern", default="ball")
    parser.add_argument("--file")
    parser.add_argument("--silent", action="store_true", help="answer every request and never send a frame")
    parser.add_argument("--login", help="user:password")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(_launch_line(options))
    # A recording starts anew for every client, a camera shows everybody the same.
    factory.set_shared(options.file is None)
    if options.login:
        _require_login(server, factory, *options.login.split(":"))
    server.get_mount_points().add_factory(MOUNT, factory)
    if server.attach(None) == 0:
        sys.exit(f"port {options.port} cannot be used")
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(server.get_bound_port(), flush=True)
    loop.run()


def _launch_line(options: argparse.Namespace) -> str:
    width, height = options.size.split("x")
    line = RECORDING if options.file else SILENT_PICTURE if options.silent else TEST_PICTURE
    return line.format(path=options.file, pattern=options.pattern, width=width, height=height, rate=options.rate)


def _require_login(server, factory, user, password) -> None:  # type: ignore[no-untyped-def]
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main()
