"""All checks, in the order in which they are shown."""

from __future__ import annotations

from framestream.doctor.cameras import check_cameras
from framestream.doctor.codecs import check_codecs
from framestream.doctor.findings import Finding
from framestream.doctor.model import check_model
from framestream.doctor.packages import check_overlaps, check_versions
from framestream.doctor.providers import check_providers


def examine() -> list[Finding]:
    """Look at everything FrameStream needs or can use; takes a few seconds."""
    return [
        *check_versions(),
        *check_overlaps(),
        *check_providers(),
        *check_codecs(),
        *check_cameras(),
        *check_model(),
    ]
