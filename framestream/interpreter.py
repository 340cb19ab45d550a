"""The Python that runs this program's other processes: those that read cameras must be able to crash by themselves.

`sys.executable` is not always one. Under uWSGI and in programs that embed Python it is that server or program, and in
a frozen program the program itself; starting it would start all of it again.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from framestream.errors import SettingsError

VARIABLE = "FRAMESTREAM_PYTHON"
"""Environment variable that names the interpreter to take."""

# python, python3.12, python3.13t, pypy3, pythonw.exe, and what NixOS wraps.
_NAME_OF_ONE = re.compile(r"\.?(python|pypy)[\d.]*[a-z]{0,2}(-wrapped)?(\.exe)?", re.IGNORECASE)
_ANSWER_SECONDS = 20.0
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def find_interpreter() -> str:
    """Return the path of a Python interpreter of this program's version.

    Raises:
        SettingsError: There is none, or `FRAMESTREAM_PYTHON` names something else.
    """
    # All that the answer depends on, so that it is looked for once.
    return _find(os.environ.get(VARIABLE), sys.executable, is_frozen())


def is_frozen() -> bool:
    """Say whether this program was packed into one that holds its Python (PyInstaller, cx_Freeze, Nuitka, …)."""
    return bool(getattr(sys, "frozen", False)) or hasattr(sys.modules.get("__main__"), "__compiled__")


@functools.lru_cache(maxsize=8)
def _find(named: str | None, executable: str | None, frozen: bool) -> str:
    if named:
        return _named(named, executable)
    if executable and not frozen and _is_called_python(executable) and os.access(executable, os.X_OK):
        return executable
    shown = f"sys.executable ({executable})" if executable else "sys.executable, which is empty,"
    if frozen:
        raise SettingsError(
            f"reading a camera takes a process of its own, and {shown} is a frozen program, which would start itself; "
            f"call framestream.freeze_support() first in its main module, or name a Python {_VERSION} in {VARIABLE}"
        )
    for candidate in _candidates():
        if _answers(candidate):
            return candidate
    raise SettingsError(
        f"reading a camera takes a Python interpreter, and {shown} is none; "
        f"name one, of version {_VERSION}, in the environment variable {VARIABLE}"
    )


def _named(named: str, executable: str | None) -> str:
    path = shutil.which(named)
    is_this = path is not None and executable and not _is_called_python(executable) and _is_same(path, executable)
    # This program itself is not even asked.
    if path is None or is_this or not _answers(path):
        raise SettingsError(
            f"{VARIABLE} is {named}, which is no Python {_VERSION} that can be started; name one, or leave it out"
        )
    return path


def _candidates() -> Iterator[str]:
    """Yield interpreters that may belong to this program, the likeliest first."""
    places = [getattr(sys, "_base_executable", None)]
    prefixes = dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix))
    if os.name == "nt":
        places += [str(Path(prefix, folder, "python.exe")) for prefix in prefixes for folder in ("", "Scripts")]
    else:
        names = (f"python{_VERSION}", "python3", "python")
        places += [str(Path(prefix, "bin", name)) for prefix in prefixes for name in names]
    for place in places:
        if place and _is_called_python(place) and os.access(place, os.X_OK):
            yield place


def _is_called_python(path: str) -> bool:
    return any(_NAME_OF_ONE.fullmatch(os.path.basename(name)) for name in (path, os.path.realpath(path)))


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them is gone
        return False


def _answers(path: str) -> bool:
    """Say whether a program is a Python of this version: another could not load this one's packages."""
    question = "import sys; print('.'.join(map(str, sys.version_info[:2])), sys.implementation.name)"
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == f"{_VERSION} {sys.implementation.name}"
