"""The linear model of a window's features as a head like others, so that it is measured like them."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from framestream_export.encoders.body import KEYPOINT_NUMBERS, describe_body
from framestream_export.training.examples.features import FeatureStore
from framestream_export.training.linear_model import LinearModel
from framestream_export.training.network.heads import INPUT, LOGITS, without_softmax
from framestream_export.training.network.sequence_model import HeadNetwork
from framestream_export.training.pooled_windows import labelled_windows, pool
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import TrainingData

# Scores are from 0 to 1; so far apart, their softmax is neither flat nor certain before it is calibrated.
_SHARPNESS = 10.0


def fit_linear_head(
    data: TrainingData, settings: TrainSettings, store: FeatureStore, *, splits: Sequence[str]
) -> HeadNetwork:
    """Fit a linear model to the windows of some splits, as they are.

    Args:
        data: The data set, decoded and divided.
        settings: Settings of the run, of kind "window".
        store: Holds the features of these splits.
        splits: Names of the splits to fit to.
    """
    rows, labels = pool(labelled_windows(data, settings, splits=splits), store, settings)
    fitted = LinearModel.fit(rows, labels, classes=data.classes)
    features = keras.Input((settings.window, rows.shape[1] // 3), name=INPUT)
    change = features[:, -1] - features[:, 0]
    pooled = ops.concatenate([ops.mean(features, axis=1), ops.std(features, axis=1), change], axis=-1)
    scaled = (pooled - fitted.mean) / fitted.deviation
    dense = layers.Dense(data.classes, name=LOGITS)
    head = keras.Model(features, layers.Softmax(name="probabilities")(dense(scaled)), name="head")
    dense.set_weights([_SHARPNESS * fitted.kernel, _SHARPNESS * fitted.bias])
    bodies = None
    if store.keypoints:
        joints = keras.Input((None, KEYPOINT_NUMBERS), name="joints")
        bodies = keras.Model(joints, describe_body(joints), name="bodies")
    return HeadNetwork("window", settings.window, head, without_softmax(head), bodies)
