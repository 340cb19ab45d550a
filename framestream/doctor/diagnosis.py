"""All checks, in the order in which they are shown."""

from __future__ import annotations

from framestream.doctor.findings import Finding
from framestream.doctor.packages import check_opencv, check_overlaps, check_versions


def examine() -> list[Finding]:
    """Examine everything FrameStream needs or can use; takes a few seconds."""
    basic = [*check_versions(), *check_overlaps(), *check_opencv()]
    if any(finding.state == "broken" for finding in basic):
        return basic
    # What these check needs OpenCV even to be imported.
    from framestream.doctor.camera_devices import check_cameras
    from framestream.doctor.codecs import check_codecs
    from framestream.doctor.default_model import check_model
    from framestream.doctor.providers import check_providers

    return [*basic, *check_providers(), *check_codecs(), *check_cameras(), *check_model()]
