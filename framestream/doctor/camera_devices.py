"""Cameras attached to this machine: each is opened, in a process that can be killed."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from framestream.doctor.findings import Finding
from framestream.errors import SettingsError
from framestream.interpreter import find_interpreter

_PROBE_SECONDS = 10.0
# Where the system lists no camera files, the first indices are tried; few machines have more cameras.
_INDICES_TO_TRY = 3


def check_cameras() -> list[Finding]:
    """Say which cameras there are and whether they give a picture."""
    findings = [finding for camera in list_cameras() if (finding := check_camera(camera)) is not None]
    if findings:
        return findings
    remedy = "nothing for files and network cameras; plug a USB camera in, and hand /dev/video* to a container"
    return [Finding("cameras", "attached", "note", "none found", remedy)]


def list_cameras() -> list[str]:
    """Return paths where the system has them (Linux), indices to try elsewhere."""
    if platform.system() == "Linux":
        return sorted(map(str, Path("/dev").glob("video*")), key=_number)
    return [str(index) for index in range(_INDICES_TO_TRY)]


def check_camera(camera: str, *, probe_seconds: float = _PROBE_SECONDS) -> Finding | None:
    """Open one camera; None for an index at which there is nothing."""
    named = not camera.isdigit()
    if named and not os.access(camera, os.R_OK | os.W_OK):
        remedy = "run: sudo usermod -aG video $USER, then log in again"
        return Finding("cameras", camera, "warning", "may not be opened by this user", remedy)
    try:
        done = subprocess.run(
            [find_interpreter(), "-m", "framestream.doctor.camera_probe", camera],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=probe_seconds,
            check=False,
        )
    except SettingsError as error:
        return Finding("cameras", camera, "warning", "cannot be tried", str(error))
    except subprocess.TimeoutExpired:
        remedy = "unplug it and plug it in again; another program may hold it"
        return Finding("cameras", camera, "warning", f"no answer within {probe_seconds:g} s", remedy)
    result = _read_result(done.stdout)
    if "size_wh" in result:
        width, height = result["size_wh"]
        return Finding("cameras", camera, "ok", f"gives pictures, {width}x{height}")
    if not named:
        return None
    # One USB camera has several nodes under /dev, of which one gives pictures.
    remedy = "close programs that use it; a second node of the same camera (metadata) is no fault"
    return Finding("cameras", camera, "note", str(result.get("problem", "the driver crashed")), remedy)


def _read_result(output: str) -> dict[str, list[int]]:
    lines = output.splitlines()
    try:
        result = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return result if isinstance(result, dict) else {}


def _number(path: str) -> int:
    digits = re.search(r"\d+$", path)
    return int(digits[0]) if digits else -1
