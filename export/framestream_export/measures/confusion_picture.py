"""The confusion matrix as a picture, which a model card can show."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from typing import IO

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_LABEL_WIDTH = 20


def draw_confusion(confusion: NDArray[np.int64], labels: Sequence[str], *, title: str) -> Figure:
    """Shares of each row, as colours and numbers."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = max(4.4, 2.5 + 0.6 * len(labels))
    names = [textwrap.fill(label, _LABEL_WIDTH, max_lines=2, placeholder=" …") for label in labels]
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="answer", ylabel="truth")
    figure.suptitle(title)
    # Labels are text: with dollar signs they are no formulas.
    axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(labels)), names, parse_math=False)
    for (row, column), share in np.ndenumerate(shares):
        if confusion[row, column]:
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.0%}", ha="center", va="center", color=color, fontsize=8)
    return figure


def save_picture(figure: Figure, stream: IO[bytes]) -> None:
    """Write a figure as PNG."""
    with warnings.catch_warnings():
        # Letters that Matplotlib's font lacks are drawn as boxes; report.json and the page have them.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(stream, format="png", dpi=120)
