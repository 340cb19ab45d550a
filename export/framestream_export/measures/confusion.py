"""Which label was taken for which: the matrix, and what follows from it for each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ClassFigures = dict[str, dict[str, float | int | None]]


def confusion_matrix(truth: NDArray[np.int64], said: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Int64 [classes, classes]. Rows: the truth; columns: the answer."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, said), 1)
    return matrix


def per_class(confusion: NDArray[np.int64], labels: Sequence[str]) -> ClassFigures:
    """Precision, recall, F1 and support of each label; None where there is nothing to divide by."""
    right, truth, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        label: {
            "precision": float(right[index] / said[index]) if said[index] else None,
            "recall": float(right[index] / truth[index]) if truth[index] else None,
            "f1": float(2 * right[index] / (truth[index] + said[index])) if truth[index] + said[index] else None,
            "support": int(truth[index]),
        }
        for index, label in enumerate(labels)
    }


def macro_f1(figures: ClassFigures) -> float | None:
    """The mean F1 of the labels that occur, each counting alike; None if none does.

    A label that does not occur but was answered is no part of it: it shows in the precision of others.
    """
    scores = [values["f1"] or 0.0 for values in figures.values() if values["support"]]
    return float(np.mean(scores)) if scores else None
