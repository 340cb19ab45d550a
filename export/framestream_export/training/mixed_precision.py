"""Training on several devices at once: each takes a share of a step's batch, all end with the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from framestream_export.encoders.blocks import leaf_layers
from framestream_export.training.devices import Devices
from framestream_export.training.network.heads import without_softmax
from framestream_export.training.network.sequence_model import SequenceModel


class TrainingCopy:
    """A copy of a classifier that is trained in its stead, as fast as the devices allow.

    Its variables are on all devices and its encoder may compute in mixed precision. What the classifier itself is, and
    so what is measured, saved and exported, does not depend on that: of the copy it gets nothing but float32 weights.
    """

    def __init__(self, model: SequenceModel, devices: Devices) -> None:
        """Copy a classifier, which stays as it is until `give_back`."""
        self._model = model
        with devices.strategy.scope():
            encoder, head = (type(part).from_config(part.get_config()) for part in (model.encoder, model.head))
            self.network = replace(model, encoder=encoder, head=head, logits=without_softmax(head))
        for layer in leaf_layers(encoder):
            if devices.precision.mixed:
                layer.dtype_policy = devices.precision.policy
            if devices.count > 1 and isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True  # statistics of the batch, not of one device's share
        _copy_variables(model, self.network)

    def give_back(self) -> None:
        """Set the classifier's variables to those of the copy."""
        _copy_variables(self.network, self._model)


def own_share(inputs: Any, labels: Any, weights: Any) -> tuple[Any, Any, Any]:
    """This replica's examples of a batch; the shares of all replicas make up the batch.

    Where examples are fewer than replicas, some replicas get one that another has, too: at weight 0.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas == 1:
        return inputs, labels, weights
    with tf.device("CPU:0"):  # where batches come from: no GPU is sent what another works on
        number, examples = context.replica_id_in_sync_group, tf.shape(weights)[0]
        first, stop = number * examples // replicas, (number + 1) * examples // replicas
        share = slice(first, tf.maximum(stop, first + 1))
        counts = tf.cast(stop > first, tf.float32)
        return inputs[share], labels[share], weights[share] * counts


def mean_gradients(gradients: Sequence[Any]) -> Sequence[Any]:
    """The mean over replicas of their gradients.

    Keras's optimizers clip what each replica gives them and add it up only then. To clip the gradient of the batch,
    they are given its mean in every replica, and the norm to clip to divided by the number of replicas.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    means: Sequence[Any] = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(gradients))
    return means


def without_overflow(gradients: Sequence[Any]) -> list[Any]:
    """Zeros in place of all gradients if one of them is no number: too much for float16, the next batch may be less."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    return [tf.where(finite, gradient, tf.zeros_like(gradient)) for gradient in gradients]


def _copy_variables(source: SequenceModel, target: SequenceModel) -> None:
    for variable, other in zip(source.variables, target.variables, strict=True):
        other.assign(variable)
