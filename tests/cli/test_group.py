"""The list of commands, which is shown without loading them."""

import sys
from pathlib import Path

import click
import pytest

from framestream.cli.group import CommandGroup, framestream
from framestream.cli.main import run

WIDTHS = (40, 80, 1000)


def listed(group: click.Group, width: int) -> str:
    context = click.Context(group, info_name="framestream", max_content_width=width, terminal_width=width)
    formatter = context.make_formatter()
    group.format_commands(context, formatter)
    return formatter.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_says_what_the_commands_themselves_do(width: int) -> None:
    context = click.Context(framestream)
    names = framestream.list_commands(context)
    assert {"bench", "data", "doctor", "evaluate", "export", "info", "train", "verify", "watch"} <= set(names)
    commands = {name: framestream.get_command(context, name) for name in names}
    loaded = {name: command for name, command in commands.items() if command is not None}
    assert listed(framestream, width) == listed(click.Group(commands=loaded), width)


@pytest.mark.parametrize("name", framestream.list_commands(click.Context(framestream)))
def test_every_command_has_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    command = framestream.get_command(click.Context(framestream), name)
    assert command is not None
    assert command.help is not None
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Usage: framestream {name} " in shown
    assert " ".join(command.help.split(".")[0].split()) in shown


def test_commands_of_others_are_listed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of an installed package, of which one cannot be loaded."""
    facts = tmp_path / "others-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    points = "[framestream.commands]\ncount = others_commands:count\nlost = no_such_module:lost\n"
    (facts / "entry_points.txt").write_text(points)
    source = '"""Commands."""\nimport click\n\n\n@click.command()\ndef count():\n    """Count sheep. Slowly."""\n'
    (tmp_path / "others_commands.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = listed(CommandGroup(), 80)
    assert "count     Count sheep.\n" in text
    assert "lost      (cannot be loaded)\n" in text
    assert "watch     Print what happens in each SOURCE.\n" in text
    sys.modules.pop("others_commands", None)
