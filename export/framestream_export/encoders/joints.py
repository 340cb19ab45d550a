"""Joints of one person from the four heads of `movenet.py`, in operators that every runtime has.

Of several people it is the one nearest the middle of the picture whose joints are found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from framestream.model.spec import JOINTS

# Added to a distance in cells, so that a joint's own cell does not outweigh everything.
_NEARNESS = 1.8
# The grid that distances to the middle are measured on, whatever the size of the maps.
_CENTRE_GRID = 48


def find_joints(heads: dict[str, Any]) -> Any:
    """Joints of the person nearest the middle, as the authors of the network read them off its heads.

    The centre is where its heat, weighted by nearness to the middle, is largest. The regression at that cell says where
    each joint is, roughly; the joint is at the cell whose heat, weighted by nearness to that place, is largest, moved
    by the offset at that cell.

    Args:
        heads: Keras tensors [N, grid, grid, channels] by the names of `movenet.HEADS`.

    Returns:
        A Keras tensor [N, 17, 3]: x and y of each joint, 0..1 of the picture, and its score, 0..1.
    """
    grid = heads["centre"].shape[1]
    cells = grid * grid
    centre, regression, heat, offset = (
        _by_channel(heads[name], name) for name in ("centre", "regression", "heat", "offset")
    )
    places = _cell_places(grid)

    weighted = ops.reshape(centre, (-1, cells)) * _nearness_to_middle(grid)
    at_centre = ops.expand_dims(ops.one_hot(_place_of_largest(weighted), cells), -1)  # [N, cells, 1]
    first = ops.matmul(ops.reshape(regression, (-1, 2 * JOINTS, cells)), at_centre)
    # [N, 17, 2] of y and x, in cells
    first = ops.reshape(first, (-1, JOINTS, 2)) + ops.matmul(ops.transpose(at_centre, (0, 2, 1)), places)

    line = np.arange(grid, dtype=np.float32)
    down = ops.square(ops.reshape(first[..., 0], (-1, JOINTS, 1, 1)) - line.reshape(1, 1, grid, 1))
    across = ops.square(ops.reshape(first[..., 1], (-1, JOINTS, 1, 1)) - line.reshape(1, 1, 1, grid))
    near = ops.reshape(heat / (ops.sqrt(down + across) + _NEARNESS), (-1, JOINTS, cells))
    at_joint = ops.one_hot(_place_of_largest(near), cells)  # [N, 17, cells]
    score = ops.sum(ops.reshape(heat, (-1, JOINTS, cells)) * at_joint, axis=-1, keepdims=True)
    moved = ops.matmul(ops.reshape(offset, (-1, JOINTS, 2, cells)), ops.expand_dims(at_joint, -1))
    place = (ops.reshape(moved, (-1, JOINTS, 2)) + ops.matmul(at_joint, places)) / grid
    return ops.concatenate([place[..., 1:], place[..., :1], score], axis=-1)


def _by_channel(head: Any, name: str) -> Any:
    """[N, channels, grid, grid], as ONNX has it, so that the exported graph needs no transposes."""
    return layers.Permute((3, 1, 2), name=f"{name}_first")(head)


def _cell_places(grid: int) -> NDArray[np.float32]:
    """Float32 [cells, 2]: y and x of each cell, row by row."""
    places: NDArray[np.float32] = np.stack(np.divmod(np.arange(grid * grid), grid), axis=-1).astype(np.float32)
    return places


def _nearness_to_middle(grid: int) -> NDArray[np.float32]:
    """Float32 [cells]: what the heat of a centre in each cell is multiplied by."""
    distance = np.hypot(*(_cell_places(grid) - grid / 2).T) * _CENTRE_GRID / grid
    nearness: NDArray[np.float32] = (1 / (distance + _NEARNESS)).astype(np.float32)
    return nearness


def _place_of_largest(values: Any) -> Any:
    """The first place of the largest value along the last axis; `ops.argmax` becomes operators that ONNX lacks."""
    return ops.squeeze(ops.top_k(values, 1)[1], axis=-1)
