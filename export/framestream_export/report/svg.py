"""Matplotlib figures as SVG elements of a page, whose style sheet colours them in light and in dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

# Each colour that charts are drawn with is another one, and stands for a variable of the page's style sheet.
BLUE, ORANGE, GREEN = "#2463c9", "#c2570c", "#1a7f4b"
SOFT, LINE, PANEL, GROUND = "#5a6876", "#d5dce3", "#f4f6f8", "#ffffff"
CELL, INK, ON_CELL = "#2462c8", "#1b2530", "#fdfdfd"
_VARIABLES = {
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    SOFT: "--soft",
    LINE: "--line",
    PANEL: "--panel",
    GROUND: "--ground",
    CELL: "--cell",
    INK: "--ink",
    ON_CELL: "--on-cell",
}
_PIXELS_PER_POINT = 96 / 72


def inline_svg(figure: Figure, *, description: str) -> Markup:
    """Draw a figure as an SVG element that can stand inside an HTML page, the same for the same figure.

    Text stays text, in the page's font. Identifiers are left out, so that several figures can stand in one page.

    Args:
        figure: Drawn with the colours of this module and no others, without markers and with nothing clipped: both
            would be elements that refer to others by their identifiers.
        description: What the picture shows, for those who cannot see it.

    Raises:
        ValueError: An element of the figure refers to another one.
    """
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"]}), quiet_about_glyphs():
        figure.savefig(stream, format="svg", facecolor="none")
    root = ElementTree.fromstring(stream.getvalue())
    for child in [one for one in root if _name(one) in ("metadata", "defs")]:
        root.remove(child)
    if any(_name(element) == "use" or "clip-path" in element.attrib for element in root.iter()):
        raise ValueError("a chart has markers or clipped elements; draw patches, with clip_on=False")
    for element in root.iter():
        element.tag = _name(element)
        element.attrib.pop("id", None)
        if "style" in element.attrib:
            element.set("style", re.sub("#[0-9a-f]{6}", _variable, element.attrib["style"]))
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib = {
        "viewBox": f"0 0 {width} {height}",
        "width": f"{float(width) * _PIXELS_PER_POINT:.0f}",
        "role": "img",
        "aria-label": description,
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


@contextmanager
def quiet_about_glyphs() -> Iterator[None]:
    """Let Matplotlib lay out text whose letters its own font lacks, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def _name(element: ElementTree.Element) -> str:
    """The element's name without its namespace, which HTML knows."""
    return element.tag.rpartition("}")[2]


def _variable(color: re.Match[str]) -> str:
    return f"var({_VARIABLES[color[0]]})"
