"""The group of commands: those of the runtime, and those that entry points add."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from framestream import __version__
from framestream.cli_bench import bench
from framestream.cli_doctor import doctor
from framestream.cli_info import info
from framestream.cli_watch import watch
from framestream.errors import MissingDependencyError

COMMAND_GROUP = "framestream.commands"


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
framestream.add_command(bench)
framestream.add_command(doctor)
