"""Peak memory of watching a file, measured in a process that does nothing else.

Run as `python -m framestream.bench.memory MODEL SOURCE DEVICE THREADS`; prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

from framestream.errors import SettingsError
from framestream.interpreter import find_interpreter
from framestream.model.session import Device, ModelSession

_PROBE_SECONDS = 600.0


def measure_memory(session: ModelSession, source: Path, *, device: Device) -> dict[str, int] | None:
    """Return `before_bytes` (all imported, nothing loaded) and `peak_bytes`; None where this cannot be known."""
    try:
        command = [find_interpreter(), "-m", "framestream.bench.memory"]
        done = subprocess.run(
            [*command, str(session.path), str(source), device, str(session.threads)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, SettingsError):
        return None
    figures = json.loads(done.stdout.splitlines()[-1])
    return cast("dict[str, int] | None", figures)


def peak_bytes() -> int | None:
    """Return the largest resident size this process has had; None where the system does not say."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: there a child starts with the peak of the process that started it.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Watch a file and print what it took."""
    from framestream.classifier import Classifier
    from framestream.model.onnx_runtime import import_runtime

    model, source, device, threads = sys.argv[1:]
    import_runtime()
    before = peak_bytes()
    with Classifier.load(model, device=cast("Device", device), threads=int(threads)).watch(source) as watch:
        for _ in watch:
            pass
    peak = peak_bytes()
    print(json.dumps(None if before is None or peak is None else {"before_bytes": before, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
