"""The command ``framestream``: finds the commands, and turns every error into one line and an exit code.

Exit codes: 0 done, 1 error (Click also ends with it, quietly, when the reader of stdout has gone, as in ``| head``),
2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from typing import NoReturn

import click

from framestream import __version__
from framestream.cli_info import info
from framestream.cli_watch import watch
from framestream.errors import FrameStreamError, MissingDependencyError

COMMAND_GROUP = "framestream.commands"

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class CommandGroup(click.Group):
    """A group that also offers the commands other distributions or packages register as entry points.

    They are loaded when they are asked for, so the runtime neither names nor needs them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group=COMMAND_GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        points = list(entry_points(group=COMMAND_GROUP, name=cmd_name))
        return _load(points[0]) if points else None


def _load(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except (ImportError, AttributeError) as error:
        return _unavailable(point, error)
    if not isinstance(command, click.Command):
        return _unavailable(point, TypeError(f"{point.value} is not a command"))
    return command


def _unavailable(point: EntryPoint, cause: Exception) -> click.Command:
    """Stand in for a command that cannot be loaded, so that the others and their help still work."""

    @click.command(
        point.name,
        short_help="(cannot be loaded)",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        del arguments
        raise MissingDependencyError(f"command {point.name} cannot be loaded ({cause}); install FrameStream again")

    return command


class _EchoHandler(logging.Handler):
    """Shows warnings on stderr, in the form of the errors."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


@click.group(
    cls=CommandGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def framestream(ctx: click.Context) -> None:
    """Recognise what happens in video, with CNN-LSTM models that are one ONNX file."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


framestream.add_command(watch)
framestream.add_command(info)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code; ``arguments`` are those of the process by default."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks the dash or a file name's letters gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    log, handler = logging.getLogger("framestream"), _EchoHandler(logging.WARNING)
    log.addHandler(handler)
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
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", EXIT_INTERRUPTED)
    finally:
        log.removeHandler(handler)


def _fail(message: str, code: int) -> int:
    click.echo("error: " + " ".join(message.split()), err=True)
    return code


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
