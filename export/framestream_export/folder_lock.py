"""A folder that one process at a time may write to.

The lock is the operating system's (flock, on Windows a locked byte), so it goes with its process, however that ends.
The file LOCK_FILE says who has it, and is gone when nobody has. Where the file system knows no locks, as some network
folders, that is said, and nobody is kept away.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.errors import SettingsError
from framestream_export.files import make_writable
from framestream_export.time_limit import NO_LIMIT, TimeLimit

LOCK_FILE = "lock"
_log = logging.getLogger("framestream.folder_lock")
_ASK_SECONDS = 0.25

if sys.platform == "win32":
    import msvcrt

    # Other processes cannot read a byte that is locked, so it is one that the file does not have.
    _LOCKED_BYTE = 1 << 30

    def _lock(file: int) -> None:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True, slots=True)
class _Holder:
    """The process that has a lock, as far as it has said."""

    pid: int | None = None
    host: str = ""
    since: str = ""

    @classmethod
    def read(cls, path: Path) -> _Holder:
        try:
            said: Any = json.loads(path.read_text(encoding="utf-8"))
            return cls(int(said["pid"]), str(said["host"]), str(said["since"]))
        except (OSError, ValueError, TypeError, KeyError):  # it has just come, or just gone
            return cls()

    @property
    def is_this_process(self) -> bool:
        return (self.pid, self.host) == (os.getpid(), socket.gethostname())

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{where}, since {self.since}"


@contextmanager
def locked(folder: Path, *, remedy: str) -> Iterator[None]:
    """Keep all others from a folder, which is made if need be, and removed again if nothing has come into it.

    Args:
        folder: The folder to keep.
        remedy: What to do if it is not free, apart from waiting, as a clause.

    Raises:
        SettingsError: Another process has it, or it cannot be written to.
    """
    is_new = not folder.exists()
    make_writable(folder)
    taken = _take(folder)
    if isinstance(taken, _Holder):
        raise SettingsError(f"{folder} is in use by {taken}; wait until that has ended, or {remedy}")
    try:
        with _holding(folder, taken):
            yield
    finally:
        if is_new:
            with suppress(OSError):  # something is in it
                folder.rmdir()


@contextmanager
def locked_when_free(folder: Path, *, time_limit: TimeLimit = NO_LIMIT) -> Iterator[bool]:
    """Keep others from a folder, which is made if need be, as soon as nobody else does; yields whether they are kept.

    They are not where there are no locks, nor where it is this very process that has it: it would wait for ever.

    Args:
        folder: The folder to keep.
        time_limit: How long waiting may take.

    Raises:
        TimeLimitError: The time is up.
        SettingsError: The folder cannot be written to.
    """
    make_writable(folder)
    told = False
    while isinstance(taken := _take(folder), _Holder):
        if taken.is_this_process:
            yield False
            return
        if not told:
            _log.warning("waits for %s, which writes to %s; Ctrl-C ends the waiting", taken, folder)
            told = True
        time_limit.check(f"{folder} was being written to by {taken}")
        time.sleep(_ASK_SECONDS)
    with _holding(folder, taken):
        yield isinstance(taken, int)


@contextmanager
def _holding(folder: Path, taken: int | OSError) -> Iterator[None]:
    """Let a lock go in the end; without one, only say so."""
    if isinstance(taken, OSError):
        _log.warning(
            "%s cannot be locked (%s), as on some network file systems: see that no other training writes there",
            folder,
            taken.strerror or taken,
        )
        yield
        return
    try:
        yield
    finally:
        _let_go(folder / LOCK_FILE, taken)


def _take(folder: Path) -> int | _Holder | OSError:
    """The lock as an open file, or who has it, or why there are no locks here."""
    path = folder / LOCK_FILE
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            return error
        try:
            _lock(file)
        except BlockingIOError:
            os.close(file)
            return _Holder.read(path)
        except OSError as error:
            os.close(file)
            return error
        if _is_still(path, file):
            break
        os.close(file)  # whoever had it has removed the file just now
    said = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with suppress(OSError):  # on a full disk nobody learns who has it, but it is had
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(said).encode())
    return file


def _is_still(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False


def _let_go(path: Path, file: int) -> None:
    # Windows keeps the name of an open file, and does not give it up while another process has the file open.
    if sys.platform == "win32":
        os.close(file)
        with suppress(OSError):
            path.unlink()
    else:
        with suppress(OSError):  # who removes a folder that is in use has removed the lock
            path.unlink()
        os.close(file)
