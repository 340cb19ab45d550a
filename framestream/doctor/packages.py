"""Versions, and distributions that overwrite each other's files."""

from __future__ import annotations

import importlib
import platform
import re
from collections.abc import Mapping, Sequence
from importlib import metadata

from framestream.doctor.findings import Finding

# Import packages that several distributions bring, and the one that FrameStream asks for.
_CONTESTED = {
    "cv2": ("OpenCV", "opencv-python-headless"),
    "onnxruntime": ("ONNX Runtime", "onnxruntime"),
}
_RUNTIME_PACKAGE = "onnxruntime"
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*>=\s*([0-9][0-9.]*)")
_EXTRA = re.compile(r"extra\s*==\s*[\"'](?P<extra>[^\"']+)")


def check_versions() -> list[Finding]:
    """Say which versions are here, and which are older than this FrameStream asks for."""
    findings = [
        Finding("versions", "python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}"),
    ]
    try:
        findings.append(Finding("versions", "framestream", "ok", metadata.version("framestream")))
    except metadata.PackageNotFoundError:
        remedy = "run: pip install framestream (its commands for training are found only in an installation)"
        findings.append(Finding("versions", "framestream", "warning", "a source tree, not installed", remedy))
        return findings
    for name, oldest in sorted(_requirements(metadata.requires("framestream") or ()).items()):
        findings += _check_version(name, oldest)
    return findings


def check_overlaps(owners: Mapping[str, Sequence[str]] | None = None) -> list[Finding]:
    """Say where two distributions install the same import package, so that each overwrites files of the other.

    Args:
        owners: Distributions by import package; by default those of this environment.
    """
    owners = metadata.packages_distributions() if owners is None else owners
    findings = []
    for package, (title, wanted) in _CONTESTED.items():
        names = sorted({_normal(name) for name in owners.get(package, ())})
        if len(names) > 1:
            keep = _one_to_keep(names, wanted)
            detail = f"{' and '.join(names)} install the same files; the one installed last has won, in part"
            remedy = f"run: pip uninstall -y {' '.join(names)} && pip install {keep}"
            findings.append(Finding("packages", title, "warning", detail, remedy))
        elif names:
            findings.append(Finding("packages", title, "ok", f"{names[0]}, and no other that would overwrite it"))
        elif package != _RUNTIME_PACKAGE:
            remedy = f"if pip should manage it, run: pip install {wanted}"
            findings.append(Finding("packages", title, "note", "not installed by pip", remedy))
    return findings


def check_opencv() -> list[Finding]:
    """Say why OpenCV cannot be imported, if so; nothing works without it."""
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        reason = " ".join(str(error).split())
        remedy = (
            "run: pip install --force-reinstall opencv-python-headless (unlike opencv-python it needs no libGL; "
            "uninstall any other OpenCV first)"
        )
        return [Finding("packages", "OpenCV", "broken", f"cannot be imported: {reason}", remedy)]
    return []


def _one_to_keep(names: Sequence[str], wanted: str) -> str:
    # Somebody who took the trouble to install the CUDA build wants it.
    cuda = [name for name in names if name.endswith("-gpu")]
    return cuda[0] if cuda else wanted


def _requirements(lines: Sequence[str]) -> dict[str, str]:
    """Oldest version by distribution, of what the runtime itself asks for."""
    found = {}
    for line in lines:
        requirement, extra = _REQUIREMENT.match(line), _EXTRA.search(line)
        if requirement is not None and (extra is None or extra["extra"] in ("cpu", "gpu")):
            found[_normal(requirement[1])] = requirement[2]
    return found


def _check_version(name: str, oldest: str) -> list[Finding]:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        # Which of the two builds of ONNX Runtime is missing is for the providers to say; OpenCV may have another name.
        return []
    if _numbers(version) < _numbers(oldest):
        detail, remedy = f"{version}, older than {oldest}", f'run: pip install --upgrade "{name}>={oldest}"'
        return [Finding("versions", name, "warning", detail, remedy)]
    return [Finding("versions", name, "ok", version)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
