"""A linear classifier of windows: what any other head has to be better than.

It sees of each feature its mean over the window, its deviation, and how much larger the last is than the first: what is
there, how much it moves, and which way. It is fitted in one step, by least squares on indicators of the classes, so it
costs seconds where an LSTM costs minutes.

Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd ed., sections 3.4.1 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# On gestures of three people, ten times as much changed nothing with 165 numbers a window and cost three points with
# 3840; it also shrinks classes of few windows too far.
_STRENGTH = 1.0
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A fitted linear classifier.

    Attributes:
        mean: float32 [D], what is taken off each row.
        deviation: float32 [D], what it is divided by then.
        kernel: float32 [D, classes].
        bias: float32 [classes].
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def fit(cls, rows: NDArray[np.float32], labels: NDArray[np.int64], *, classes: int) -> LinearModel:
        """Fit by ridge regression, all classes weighing the same.

        Args:
            rows: float32 [R, D], see `pooled_windows`.
            labels: int64 [R].
            classes: Number of classes; some may have no row.
        """
        wanted = np.eye(classes, dtype=np.float32)[labels]
        weights = 1 / np.maximum(wanted.sum(axis=0), 1)[labels]
        weights *= len(weights) / weights.sum()
        mean, bias = weights @ rows / len(rows), weights @ wanted / len(rows)
        deviation = np.sqrt(weights @ np.square(rows - mean) / len(rows)) + np.float32(_LEAST_DEVIATION)
        scaled = (rows - mean) / deviation
        # In its dual form: the system has as many equations as there are rows, however many features these have.
        products = (scaled @ scaled.T).astype(np.float64) / scaled.shape[1] + np.diag(_STRENGTH / weights)
        shares = np.linalg.solve(products, wanted - bias) / scaled.shape[1]
        return cls(mean, deviation, (scaled.T @ shares).astype(np.float32), bias.astype(np.float32))

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores [R, classes] of rows [R, D]: about 1 for the class that it is, about 0 for others."""
        return np.asarray((rows - self.mean) / self.deviation @ self.kernel + self.bias)
