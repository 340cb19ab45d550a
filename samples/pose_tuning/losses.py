"""How far the heads of the pose network are from true joints, or from what the network said before.

Heat maps are held against Gaussians around the joint, as for points in Zhou and others, "Objects as Points", 2019, by
cross entropy; regression and offset by their distance in cells, where there is something to find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# Deviation of the Gaussians around joints and around the body's middle, cells, and how high they are: about what the
# network gives for joints of real people that it is sure of, so that scores mean the same on both kinds of pictures.
_JOINT_DEVIATION, _CENTRE_DEVIATION, _PEAK = 1.0, 1.5, 0.8
# Offsets are learnt in the nine cells around a joint, and a little beyond.
_OFFSET_CELLS_SQUARED = 2.5
# A body of which fewer joints are in the picture counts as none.
_LEAST_IN_SIGHT = 5

_WEIGHTS = {"heat": 1.0, "centre": 1.0, "regression": 0.5, "offset": 0.5}


def loss_to_joints(heads: dict[str, Any], joints: Any) -> Any:
    """Loss of heads [N, grid, grid, channels] against joints float32 [N, 17, 2], NaN where nobody is."""
    grid = heads["centre"].shape[1]
    maps = {name: _by_channel(head) for name, head in heads.items()}
    row, column = _cells(grid)
    x, y = tf.unstack(tf.where(tf.math.is_finite(joints), joints, -1.0) * grid, axis=-1)
    inside = tf.cast((x >= 0) & (x < grid) & (y >= 0) & (y < grid), tf.float32)
    count = tf.reduce_sum(inside, axis=1, keepdims=True)
    there = tf.cast(count >= _LEAST_IN_SIGHT, tf.float32)
    inside *= there
    apart = tf.square(column - x[..., None]) + tf.square(row - y[..., None])
    heat = _PEAK * tf.exp(-apart / (2 * _JOINT_DEVIATION**2)) * inside[..., None]
    middle_x, middle_y = (
        tf.reduce_sum(place * inside, axis=1, keepdims=True) / tf.maximum(count, 1) for place in (x, y)
    )
    from_middle = tf.square(column - middle_x) + tf.square(row - middle_y)
    centre = _PEAK * tf.exp(-from_middle / (2 * _CENTRE_DEVIATION**2)) * there
    # Regression and offset give a row and a column for each joint in turn, counted from the cell they stand in.
    places = tf.reshape(tf.stack([y, x], axis=-1), (-1, 2 * x.shape[1], 1))
    to_place = places - tf.tile(tf.stack([row, column]), (x.shape[1], 1))
    at_middle = (tf.exp(-from_middle / 2) * there)[:, None] * tf.repeat(inside, 2, axis=1)[..., None]
    at_joint = tf.repeat(tf.cast(apart < _OFFSET_CELLS_SQUARED, tf.float32) * inside[..., None], 2, axis=1)
    return _weighted(
        heat=_cross_entropy(maps["heat"], heat) / x.shape[1],
        centre=_cross_entropy(maps["centre"], centre[:, None]),
        regression=_mean_distance(maps["regression"], to_place, at_middle),
        offset=_mean_distance(maps["offset"], to_place, at_joint),
    )


def loss_to_teacher(heads: dict[str, Any], teacher: dict[str, Any]) -> Any:
    """Loss of heads against those of another network on the same pictures."""
    maps, wanted = ({name: _by_channel(head) for name, head in given.items()} for given in (heads, teacher))
    joints = wanted["heat"].shape[1]
    return _weighted(
        heat=_cross_entropy(maps["heat"], wanted["heat"]) / joints,
        centre=_cross_entropy(maps["centre"], wanted["centre"]),
        regression=_mean_distance(
            maps["regression"], wanted["regression"], tf.tile(wanted["centre"], (1, 2 * joints, 1))
        ),
        offset=_mean_distance(maps["offset"], wanted["offset"], tf.repeat(wanted["heat"], 2, axis=1)),
    )


def _weighted(**losses: Any) -> Any:
    return tf.add_n([_WEIGHTS[name] * loss for name, loss in losses.items()])


def _by_channel(head: Any) -> Any:
    """[N, channels, cells]."""
    return tf.transpose(tf.reshape(head, (-1, head.shape[1] * head.shape[2], head.shape[3])), (0, 2, 1))


def _cells(grid: int) -> tuple[Any, Any]:
    """Row and column of each cell, float32 [cells]."""
    row, column = np.divmod(np.arange(grid * grid), grid)
    return tf.constant(row, tf.float32), tf.constant(column, tf.float32)


def _cross_entropy(given: Any, wanted: Any) -> Any:
    """Kullback-Leibler divergence summed over channels and cells, mean over pictures: 0 where both are the same."""
    given, wanted = (tf.clip_by_value(values, 1e-5, 1 - 1e-5) for values in (given, wanted))
    divergence = wanted * tf.math.log(wanted / given) + (1 - wanted) * tf.math.log((1 - wanted) / (1 - given))
    return tf.reduce_mean(tf.reduce_sum(divergence, axis=(1, 2)))


def _mean_distance(given: Any, wanted: Any, weight: Any) -> Any:
    return tf.reduce_sum(tf.abs(given - wanted) * weight) / (tf.reduce_sum(weight) + 1)
