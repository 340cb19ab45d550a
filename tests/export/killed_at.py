"""The command line, killed on the way: `python -m tests.export.killed_at FOLDER LINE NTH DELAY COMMAND …`.

Every file below FOLDER that is opened to be written, and every one that is moved, is a line in FOLDER/moments: "open
PATH" or "move PATH". DELAY seconds after the NTH time that a line is LINE, the process is gone, as with `kill -9`.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOG = "moments"
# In the names of folders and files that several processes may write at once.
_RANDOM = re.compile(r"\.part\.[0-9a-f]{8}|\.[0-9a-f]{8}\.part")


def main() -> int:
    folder, line, nth, delay_seconds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    seen = 0

    def die() -> None:
        time.sleep(delay_seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        moment = _moment(folder, event, arguments)
        if moment is None:
            return
        os.write(log, f"{moment}\n".encode())
        if moment == line:
            seen += 1
            if seen == nth:
                threading.Thread(target=die, daemon=True).start()

    sys.addaudithook(watch)
    from framestream.cli.main import run

    return run(sys.argv[5:])


def _moment(folder: Path, event: str, arguments: tuple[Any, ...]) -> str | None:
    """What an audit event says of a file below the folder, if it is about one."""
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+"):
        what, path = "open", arguments[0]
    elif event == "os.rename":
        what, path = "move", arguments[1]
    else:
        return None
    text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    if not text.startswith(f"{folder}{os.sep}"):
        return None
    return f"{what} {_RANDOM.sub('.part.*', text.removeprefix(f'{folder}{os.sep}'))}"


if __name__ == "__main__":
    sys.exit(main())
