"""What comes from outside and is shown in a terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from framestream.console import EscapingConsole
from framestream.escapes import CONTROLS, abbreviate, escape

ORDERS = ("\x1b[2J", "\x1b]0;title\x07", "\r", "\n", "\x85", "\x9b31m", "\u202e", "\u2066", "\u200f", "\u2028", "\x00")


@pytest.mark.parametrize("order", ORDERS)
def test_orders_are_spelt_out(order: str) -> None:
    shown = escape(f"a{order}b")
    assert shown.startswith("a\\")
    assert shown.endswith("b")
    assert not CONTROLS.search(shown)


def test_names_as_people_have_them_stay_as_they_are() -> None:
    for name in ("10.15.32\u202fAM.mov", "a\xa0b", "ä é 漢字 ‌می‌خواهم 👩‍👩‍👧", "שלום", "a b  c", "back\\slash"):
        assert escape(name) == name
    assert escape("m\udcff.onnx") == "m\ufffd.onnx"


@given(st.text())
def test_nothing_is_left_and_it_is_done_once(text: str) -> None:
    assert not CONTROLS.search(escape(text))
    assert escape(escape(text)) == escape(text)


@given(
    st.recursive(
        st.integers() | st.text() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_values_are_shown_in_short(value: object) -> None:
    assert len(abbreviate(value)) < 10_000
    assert abbreviate(value).isprintable()


@pytest.mark.parametrize("order", [order for order in ORDERS if order != "\n"])
def test_a_console_gives_no_orders_of_others(order: str) -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    for file, terminal in ((plain, False), (coloured, True)):
        console = EscapingConsole(file=file, width=40, force_terminal=terminal)
        table = Table(f"title{order}")
        table.add_row(f"cell{order}", Text(f"red{order}", style="red"))
        console.print(table)
        console.print(f"line{order}end", Text(f"text{order}end"), highlight=False)
    assert not CONTROLS.search(plain.getvalue().replace("\n", ""))
    # Its own colours are there.
    assert "\x1b[31m" in coloured.getvalue()
    assert order not in coloured.getvalue()


def test_a_bar_still_moves() -> None:
    file = io.StringIO()
    with Progress(console=EscapingConsole(file=file, force_terminal=True)) as progress:
        progress.add_task("\x1b[2Jwatch", total=2)
    assert "\x1b[?25l" in file.getvalue()
    assert "\x1b[2J" not in file.getvalue()
