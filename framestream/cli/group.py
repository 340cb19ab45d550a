"""The group of commands: those of the runtime, and those that entry points add."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from framestream import __version__
from framestream.errors import MissingDependencyError

COMMAND_GROUP = "framestream.commands"

# The runtime's own, loaded in the same way: where OpenCV is broken, `framestream doctor` still runs and says why.
_OWN = {
    name: EntryPoint(name, f"framestream.cli.{name}:{name}", COMMAND_GROUP)
    for name in ("bench", "doctor", "info", "watch")
}

# First sentences of the commands that come with FrameStream, those of the training side included: `framestream --help`
# would have to import NumPy, OpenCV and much of the training side to ask the commands. A test holds the two together.
_FIRST_SENTENCES = {
    "bench": "Measure what a MODEL costs on this machine: by stage, against the naive way, and with many cameras.",
    "data": "Examine labelled clips before training on them.",
    "doctor": "Look for what is missing or broken on this machine, and say what to do about it.",
    "embed": "Encode the labelled clips in DATA once, to train on many times.",
    "evaluate": "Measure how good an exported MODEL is on the labelled recordings in DATA.",
    "export": "Write a training RUN's model as one ONNX file.",
    "info": "Show what a MODEL says about itself.",
    "train": "Train a model on the labelled clips in DATA.",
    "verify": "Check that an exported MODEL, or all of a hand-off folder, is intact and predicts what it should.",
    "watch": "Print what happens in each SOURCE.",
}


class CommandGroup(click.Group):
    """A group of commands that are loaded when they are asked for: our own, and those registered as entry points.

    So the runtime neither names nor needs what other distributions or packages add.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*_OWN, *(point.name for point in entry_points(group=COMMAND_GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        points = [_OWN[cmd_name]] if cmd_name in _OWN else list(entry_points(group=COMMAND_GROUP, name=cmd_name))
        return _load(points[0]) if points else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands; only those that others have added are loaded for it."""
        listed: dict[str, click.Command] = {}
        for name in self.list_commands(ctx):
            sentence = _FIRST_SENTENCES.get(name)
            command = self.get_command(ctx, name) if sentence is None else click.Command(name, help=sentence)
            if command is not None:
                listed[name] = command
        click.Group(commands=listed).format_commands(ctx, formatter)


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
        raise MissingDependencyError(f"command {point.name} cannot be loaded ({cause}); see `framestream doctor`")

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
