"""Weights as whole numbers: how large their steps are, and which way each is rounded.

Rounding every weight to the nearest number is not what changes a product least. Where the inputs of a product are
known, the error of one weight can be made up for by those that are not rounded yet (Frantar et al., "GPTQ", 2022;
the idea is that of the optimal brain surgeon, Hassibi and Stork 1993). All it takes is how much the inputs vary
together: the sum of their products over real frames.

Without VNNI, ONNX Runtime adds the products of two neighbours in 16 bits: of uint8 and int8, at most 255 times the
sum of two weights. So no two weights of one sign may add up to more than 128, or predictions would depend on the
processor. That is less than all 8 bits, and for most rows of weights more than 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import helper

_LARGEST, _LARGEST_PAIR = 127, 128
_PATCHES_PER_BATCH = 256
_DAMPING = 0.01
_SMALLEST_STEP = 1e-10
_MOST_TRIES = 8
_BLOCK = 64
# Of the 31 bits of a sum, so that a bias leaves room for the products.
_LARGEST_BIAS = 2.0**30


class InputMoments:
    """How the inputs of one product vary together, gathered batch by batch.

    Attributes:
        sums: float64 [groups, K, K], K weights to a sum; None until there were inputs, or if there can be none.
    """

    def __init__(self, node: Any, shape: tuple[int, ...], *, seed: int) -> None:
        """Gather the inputs of a Conv, Gemm or MatMul.

        Args:
            node: The onnx.NodeProto.
            shape: Shape of the node's weights.
            seed: Fixes which places of a picture are taken; a convolution has too many to take all.
        """
        self.sums: NDArray[np.float64] | None = None
        self._convolves = node.op_type == "Conv"
        self._shape = shape
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        self._group = int(attributes.get("group", 1))
        self._strides = attributes.get("strides", [1, 1])
        self._dilations = attributes.get("dilations", [1, 1])
        self._pads = attributes.get("pads", [0, 0, 0, 0])
        padded_otherwise = attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
        self._usable = not padded_otherwise and (not self._convolves or len(shape) == 4)
        self._random = np.random.default_rng(seed)

    def add(self, inputs: NDArray[np.float32]) -> None:
        """Take account of the input of one run: [N, C, height, width] of a convolution, else [..., K]."""
        if not self._usable:
            return
        rows = self._patches(inputs) if self._convolves else inputs.reshape(1, -1, inputs.shape[-1])
        sums = np.matmul(rows.transpose(0, 2, 1), rows).astype(np.float64)
        self.sums = sums if self.sums is None else self.sums + sums

    def _patches(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the inputs that a kernel covers at some places: [groups, places, K]."""
        top, left, bottom, right = self._pads
        padded = np.pad(inputs, ((0, 0), (0, 0), (top, bottom), (left, right)))
        (height, width), (down, across) = self._shape[2:], self._dilations
        reach = ((height - 1) * down + 1, (width - 1) * across + 1)
        windows = sliding_window_view(padded, reach, axis=(2, 3))
        windows = windows[:, :, :: self._strides[0], :: self._strides[1], ::down, ::across]
        frames, _, rows, columns = windows.shape[:4]
        at = (self._random.integers(0, size, _PATCHES_PER_BATCH) for size in (frames, rows, columns))
        frame, row, column = at
        seen = windows[frame, :, row, column]
        return np.ascontiguousarray(seen.reshape(_PATCHES_PER_BATCH, self._group, -1).transpose(1, 0, 2))


def smallest_steps(bias: NDArray[np.float32] | None, input_step: float) -> NDArray[np.float64] | float:
    """The least step of a row's weights with which its bias still fits into the 32 bits of a sum."""
    return _SMALLEST_STEP if bias is None else np.maximum(np.abs(bias) / (input_step * _LARGEST_BIAS), _SMALLEST_STEP)


def round_rows(
    weights: NDArray[np.float32], moments: NDArray[np.float64] | None, least: NDArray[np.float64] | float
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Turn weights into whole numbers that may be multiplied with uint8 on every processor.

    Args:
        weights: [rows, K], a sum each.
        moments: How the inputs of the weights vary together, [groups, K, K], with the rows in as many equal parts; None
            rounds to the nearest.
        least: Smallest step of each row, or of all.

    Returns:
        int8 [rows, K], and the step of each row, float32 [rows].
    """
    steps = np.maximum(_steps_that_fit(weights), least)
    sharing = None if moments is None else [_Sharing.of(sums) for sums in moments]
    for _ in range(_MOST_TRIES):
        numbers = _round(weights, steps.astype(np.float32), sharing)
        # Making up for an error can make a weight larger than it was.
        excess = _steps_that_fit(numbers)
        if (excess <= 1).all():
            break
        steps = np.where(excess > 1, steps * np.maximum(excess, 1.01), steps)
    else:
        numbers = _round(weights, steps.astype(np.float32), None)
    return numbers.astype(np.int8), steps.astype(np.float32)


def round_stored(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Turn weights [rows, K] into whole numbers that are only stored as such: nothing is multiplied with them."""
    steps = np.maximum(np.abs(weights).max(axis=1) / _LARGEST, _SMALLEST_STEP).astype(np.float32)
    return np.rint(weights / steps[:, None]).astype(np.int8), steps


def _steps_that_fit(rows: NDArray[Any]) -> NDArray[np.float64]:
    """The steps in which each row has no number above 127, and no two of one sign add up to more than 128."""
    signed = np.concatenate([rows[None], -rows[None]]).astype(np.float64)
    largest = np.sort(np.maximum(signed, 0), axis=2)[:, :, -2:]
    alone, together = largest[:, :, -1].max(axis=0), largest.sum(axis=2).max(axis=0)
    # Rounding may add half a step to each of the two.
    room = 0 if rows.dtype.kind == "i" else 1
    steps: NDArray[np.float64] = np.maximum(alone / _LARGEST, together / (_LARGEST_PAIR - room))
    return steps


@dataclass(frozen=True, slots=True)
class _Sharing:
    """How the weights after a rounded one make up for its error.

    Attributes:
        order: int64 [K], the weights, those with most to say first.
        shares: float64 [K, K]; row i says how an error in the i-th weight is best shared out among later weights.
    """

    order: NDArray[np.int64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, moments: NDArray[np.float64]) -> _Sharing:
        """Return the upper factor of the inverse of `moments`, [K, K], which say how inputs vary together."""
        order = np.argsort(-np.diag(moments), kind="stable")
        known = moments[np.ix_(order, order)]
        known[np.diag_indices(len(known))] += max(_DAMPING * float(np.diag(known).mean()), _SMALLEST_STEP)
        return cls(order, np.linalg.cholesky(np.linalg.inv(known)).T)


def _round(
    weights: NDArray[np.float32], steps: NDArray[np.float32], sharing: Sequence[_Sharing] | None
) -> NDArray[np.int64]:
    if sharing is None:
        nearest: NDArray[np.int64] = np.rint(weights / steps[:, None]).astype(np.int64)
        return nearest
    parts = zip(np.split(weights, len(sharing)), np.split(steps, len(sharing)), sharing, strict=True)
    return np.concatenate([_round_in_turn(rows, own, one) for rows, own, one in parts])


def _round_in_turn(weights: NDArray[np.float32], steps: NDArray[np.float32], sharing: _Sharing) -> NDArray[np.int64]:
    """Round column after column and pass each column's error on to the rest.

    To those of the same block at once, to those behind it a block at a time, as one product: the result is the same and
    the memory is gone through once a block instead of once a column (GPTQ, "lazy batch updates").
    """
    order, shares = sharing.order, sharing.shares
    left, wide = weights[:, order].astype(np.float64), steps.astype(np.float64)
    numbers = np.zeros(weights.shape, np.int64)
    for first in range(0, len(order), _BLOCK):
        stop = min(first + _BLOCK, len(order))
        errors = np.zeros((len(weights), stop - first))
        for column in range(first, stop):
            rounded = np.clip(np.rint(left[:, column] / wide), -_LARGEST, _LARGEST)
            numbers[:, order[column]] = rounded
            error = (left[:, column] - rounded * wide) / shares[column, column]
            left[:, column + 1 : stop] -= np.outer(error, shares[column, column + 1 : stop])
            errors[:, column - first] = error
        left[:, stop:] -= errors @ shares[first:stop, stop:]
    return numbers
