"""A stream behind an address through PyAV."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import av

from framestream.errors import UnreadableSourceError
from framestream.feeds.live.protocol import ReaderJob
from framestream.sources.av_decoder import AvDecoder

# Options for FFmpeg, as `name;value|name;value`: OpenCV's variable, obeyed here as well.
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


def open_av_stream(address: str | int, job: ReaderJob) -> AvDecoder:
    """Connect to an address, whose scheme is in small letters.

    Raises:
        UnreadableSourceError: It cannot be opened, or has no video; FFmpeg says why on standard error.
    """
    # FFmpeg's reasons, which are searched and never shown; HTTP errors are warnings.
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.WARNING)
    timeout_seconds = (job.open_seconds, job.read_seconds)
    try:
        container = av.open(address, options=_read_options(), timeout=timeout_seconds, metadata_errors="replace")
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        # FFmpeg tells of an interruption, because there was no answer in time, by this alone.
        print(error.strerror, file=sys.stderr, flush=True)
        raise UnreadableSourceError("cannot be opened; check the address") from error
    # Several threads would hold back as many frames. Pictures with flaws are left out as the decoder sees fit: a camera
    # that is joined between two key frames would begin with seconds of gray.
    decoder = AvDecoder(container, name=job.name, threads=1)
    watched = container.streams.video[decoder.facts.stream]
    for stream in container.streams:
        if stream is not watched and hasattr(stream, "discard"):
            # Sound, and the other sizes of a playlist, which would all be fetched.
            stream.discard = type(stream.discard)["all"]
    return decoder


def _read_options() -> dict[str, str]:
    """Return FFmpeg's options from the environment."""
    pairs = (pair.partition(";") for pair in os.environ.get(_OPTIONS, "").split("|") if pair)
    options = {"tls_verify": "0", **{name: value for name, _, value in pairs}}
    # OpenSSL, in OpenCV's wheels, finds the store by itself; GnuTLS, in PyAV's, has to be told.
    if options["tls_verify"] != "0" and (store := _find_store()) is not None:
        options.setdefault("ca_file", store)
    return options


def _find_store() -> str | None:
    """Return a file with the authorities that OpenSSL's variables name; None if they name none.

    GnuTLS takes no folder, so the files of one are put together, in a file that goes when this process does.
    """
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or not folders:
        return file
    descriptor, name = tempfile.mkstemp()
    os.unlink(name)
    for folder in folders.split(os.pathsep):
        for path in sorted(Path(folder).glob("*")):
            if path.is_file():
                os.write(descriptor, path.read_bytes() + b"\n")
    os.lseek(descriptor, 0, os.SEEK_SET)
    return f"/dev/fd/{descriptor}"
