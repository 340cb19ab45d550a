"""The command `framestream`: runs a command line, and turns every error into one line and an exit code.

Exit codes: 0 done, 1 error (Click also ends with it, quietly, when the reader of stdout has gone, as in `| head`),
2 wrong usage, 130 interrupted, 143 ended by SIGTERM, 129 by a closed terminal. Click and the commands are imported
inside `run`, so that Ctrl-C during the imports is an interruption as well.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class _WarningHandler(logging.Handler):
    """Shows warnings on stderr, in the form of the errors."""

    def emit(self, record: logging.LogRecord) -> None:
        # Where nobody reads it any more, what was to be warned of goes on all the same.
        with suppress(OSError):
            _print_message(f"{record.levelname.lower()}: {record.getMessage()}")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code; `arguments` are those of the process by default.

    Raises:
        SystemExit: With 1, by Click, when the reader of stdout has gone.
    """
    log, handler = logging.getLogger("framestream"), _WarningHandler(logging.WARNING)
    log.addHandler(handler)
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                # A terminal that lacks the dash or a file name's letters gets a question mark, not a traceback.
                stream.reconfigure(errors="replace")
        return _run(arguments)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    finally:
        log.removeHandler(handler)


def _run(arguments: Sequence[str] | None) -> int:
    import click

    from framestream.cli.group import framestream
    from framestream.errors import FrameStreamError

    try:
        result = framestream.main(
            args=None if arguments is None else list(arguments), prog_name="framestream", standalone_mode=False
        )
        # Click hands over ctx.exit()'s code this way, and a command's own return value.
        return result if isinstance(result, int) else 0
    except FrameStreamError as error:
        return _fail(str(error), EXIT_ERROR)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "framestream"
        return _fail(f"{error.format_message().rstrip('.')}; see `{path} --help`", EXIT_USAGE)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except click.Abort:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except OSError as error:
        # A full disk behind stdout, above all.
        where = "" if error.filename is None else f"{error.filename}: "
        return _fail(f"{where}{error.strerror or error}; check the disk, the path and where stdout goes", EXIT_ERROR)


def _fail(message: str, code: int) -> int:
    # Names may have spaces of other kinds.
    _print_message("error: " + re.sub(r"[ \t\r\n]+", " ", message.strip()))
    return code


def _print_message(line: str) -> None:
    from framestream.escapes import escape

    # None where the shell has closed it.
    if sys.stderr is not None:
        print(escape(line), file=sys.stderr, flush=True)


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
