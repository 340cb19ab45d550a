"""How good a model is on recordings it never saw: numbers as JSON, the confusion matrix as a picture."""

from __future__ import annotations

import json
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from framestream_export.measures.answers import Answers, accuracy
from framestream_export.run_folder import write_atomically

_LABEL_WIDTH = 20


def write_report(answers: Answers, labels: Sequence[str], folder: Path, *, console: Console) -> dict[str, Any]:
    """Measure, write report.json and confusion_matrix.png, print a table.

    Returns:
        What report.json holds. "windows" counts single answers; "pieces" counts labelled pieces (a clip, or a
        segment of a film), the probabilities of a piece averaged.
    """
    pieces = _average_pieces(answers)
    confusion = _confusion(answers, len(labels))
    report: dict[str, Any] = {
        "split": "test",
        "labels": list(labels),
        "windows": len(answers.labels),
        "accuracy": accuracy(answers),
        "pieces": len(pieces.labels),
        "piece_accuracy": accuracy(pieces),
        "per_class": _per_class(confusion, labels),
        "confusion": confusion.tolist(),
        "piece_confusion": _confusion(pieces, len(labels)).tolist(),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / "report.json", lambda stream: stream.write(text.encode()))
    figure = _draw(confusion, labels, title=f"test split: {report['accuracy']:.1%} of {report['windows']} windows")
    write_atomically(folder / "confusion_matrix.png", lambda stream: _save(figure, stream))
    console.print(
        f"test split: accuracy {report['accuracy']:.3f} of {report['windows']} windows,"
        f" {report['piece_accuracy']:.3f} of {report['pieces']} labelled pieces",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_table(report))
    return report


def _average_pieces(answers: Answers) -> Answers:
    numbers, first, inverse = np.unique(answers.pieces, return_index=True, return_inverse=True)
    sums = np.zeros((len(numbers), answers.probabilities.shape[1]))
    np.add.at(sums, inverse, answers.probabilities)
    means = sums / np.bincount(inverse)[:, None]
    return Answers(means.astype(np.float32), answers.labels[first], numbers)


def _confusion(answers: Answers, classes: int) -> NDArray[np.int64]:
    """Rows: the truth; columns: the answer."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (answers.labels, answers.probabilities.argmax(axis=1)), 1)
    return matrix


def _per_class(confusion: NDArray[np.int64], labels: Sequence[str]) -> dict[str, dict[str, float | int | None]]:
    right, truth, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        label: {
            "precision": float(right[index] / said[index]) if said[index] else None,
            "recall": float(right[index] / truth[index]) if truth[index] else None,
            "support": int(truth[index]),
        }
        for index, label in enumerate(labels)
    }


def _table(report: dict[str, Any]) -> Table:
    table = Table()
    for column in ("label", "precision", "recall", "windows"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for label, values in report["per_class"].items():
        shares = ["-" if values[name] is None else f"{values[name]:.3f}" for name in ("precision", "recall")]
        table.add_row(label, *shares, str(values["support"]))
    return table


def _draw(confusion: NDArray[np.int64], labels: Sequence[str], *, title: str) -> Figure:
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


def _save(figure: Figure, stream: IO[bytes]) -> None:
    with warnings.catch_warnings():
        # Letters that Matplotlib's font lacks are drawn as boxes; report.json and the table have them.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(stream, format="png", dpi=120)
