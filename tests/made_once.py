"""What is dear to make, made once for all processes of a test run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled, in whichever process of this run asked first; the others wait for it.

    It lies in the same place for all of them, and is read only.
    """
    base = factory.getbasetemp()
    # Under xdist each process has a folder of its own in the one of the run.
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, whole = place / f"once-{name}", place / f"once-{name}.whole"
    with (place / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
