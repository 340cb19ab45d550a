"""Opening a camera or stream, inside the reader process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from framestream.errors import SourceNotFoundError, UnreadableSourceError
from framestream.feeds.live.protocol import ReaderJob
from framestream.feeds.live.reader.certificates import check_certificate, uses_certificates
from framestream.sources.decoders import Decoder, choose_decoder


def stream_opener(job: ReaderJob) -> Callable[[str | int, ReaderJob], Decoder]:
    """Load the library that decodes a camera or stream, and return what opens it.

    Raises:
        SettingsError: It is not installed.
    """
    if job.is_address and choose_decoder(job.decoder) == "av":
        # Imported where it is used, because it is an extra.
        from framestream.feeds.live.reader.av_stream import open_av_stream

        return open_av_stream
    # Likewise, because it takes time and memory.
    from framestream.feeds.live.reader.opencv_stream import OpenCVStream

    return OpenCVStream


def open_stream(job: ReaderJob) -> Decoder:
    """Connect to an address, or open a device.

    Raises:
        UnreadableSourceError: It cannot be opened; FFmpeg says why on standard error.
        SourceNotFoundError: The device does not exist.
        CertificateError: Its certificate is not to be trusted.
    """
    if not job.is_address:
        _check_device(job.address)
        return stream_opener(job)(job.address, job)
    # FFmpeg knows its protocols in small letters only.
    scheme, _, rest = str(job.address).partition("://")
    address = f"{scheme.lower()}://{rest}"
    if uses_certificates(address) and not job.insecure:
        check_certificate(address, timeout_seconds=job.open_seconds)
    return stream_opener(job)(address, job)


def _check_device(device: str | int) -> None:
    """Tell what OpenCV does not: all it has to say is that the device cannot be used."""
    path = Path(f"/dev/video{device}" if isinstance(device, int) else str(device))
    if sys.platform == "linux" and not path.exists():
        raise SourceNotFoundError("no such device; plug it in")
    if sys.platform == "linux" and not os.access(path, os.R_OK | os.W_OK):
        raise UnreadableSourceError("this user may not use the device; add the user to its group (often video)")
