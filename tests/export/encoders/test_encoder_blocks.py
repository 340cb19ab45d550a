"""Blocks that are fine-tuned, and the digest that features are kept under."""

from __future__ import annotations

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from framestream.errors import SettingsError
from framestream_export.encoders.blocks import block_count, thaw_last_blocks
from framestream_export.encoders.building import build_encoder
from framestream_export.encoders.digest import weights_digest

# First convolution, blocks of the paper, last convolution; of the small encoder its stages and what reads them.
BLOCKS = {
    "small": 4 + 1,
    "EfficientNetLite0": 1 + 16 + 1,
    "MobileNetV2@0.35": 1 + 17 + 1,
    "MobileNetV3Small": 1 + 11 + 1,
}


def build(name: str) -> keras.Model:
    return build_encoder(name, size=32, feature_dim=8)


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]


def thawed(encoder: keras.Model) -> list[str]:
    return [layer.name for layer in leaves(encoder) if layer.trainable_weights]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_last_blocks_learn_and_nothing_else_moves(name: str) -> None:
    encoder = build(name)
    assert block_count(encoder) == BLOCKS[name]
    thaw_last_blocks(encoder, 2)
    learning = {id(weight) for weight in encoder.trainable_weights}
    assert 0 < len(learning) < len(encoder.weights) / 2
    before = [np.array(weight) for weight in encoder.weights]
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(encoder.trainable_variables)
    with tf.GradientTape() as tape:
        frames = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
        loss = tf.reduce_sum(encoder(frames, training=True) ** 2)
    gradients = tape.gradient(loss, encoder.trainable_variables)
    # The direction alone: what random weights make of a picture may be next to nothing.
    steps = [gradient / (tf.norm(gradient) + 1e-30) for gradient in gradients]
    optimizer.apply_gradients(zip(steps, encoder.trainable_variables, strict=True))
    moved = [not np.array_equal(old, weight) for old, weight in zip(before, encoder.weights, strict=True)]
    assert any(moved)
    assert not any(
        change for change, weight in zip(moved, encoder.weights, strict=True) if id(weight) not in learning
    ), "statistics of batch norms included"


@pytest.mark.parametrize("name", [*BLOCKS, "MobileNet@0.25", "EfficientNetB0", "DenseNet121", "ResNet50V2", "Xception"])
def test_each_block_adds_to_those_after_it(name: str) -> None:
    encoder = build_encoder(name, size=72, feature_dim=8)
    seen = []
    for count in range(block_count(encoder) + 1):
        thaw_last_blocks(encoder, count)
        seen.append(thawed(encoder))
    assert seen[0] == []
    assert all(set(fewer) < set(more) for fewer, more in pairwise(seen))
    norms = [layer.name for layer in leaves(encoder) if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    everything = [layer.name for layer in leaves(encoder) if any(weight.trainable for weight in layer.weights)]
    assert seen[-1] == everything
    assert not set(norms) & set(everything)


def test_blocks_that_a_network_has_not() -> None:
    encoder = build("small")
    for count in (6, -1):
        with pytest.raises(SettingsError, match=f"has 5 blocks to fine-tune, not {count}"):
            thaw_last_blocks(encoder, count)


def test_a_network_without_named_blocks_is_one() -> None:
    encoder = build_encoder("InceptionV3", size=75, feature_dim=8)
    assert block_count(encoder) == 1
    thaw_last_blocks(encoder, 1)
    assert "conv2d" in thawed(encoder)[0]


@pytest.mark.parametrize("name", ["small", "MobileNetV3Small"])
def test_the_digest_is_of_what_is_computed(name: str) -> None:
    digests = []
    for _ in range(2):  # Keras numbers the layers of the second otherwise
        keras.utils.set_random_seed(5)
        encoder = build(name)
        digests.append(weights_digest(encoder))
    assert digests[0] == digests[1]
    thaw_last_blocks(encoder, 1)
    assert weights_digest(encoder) == digests[0]
    last = encoder.weights[-1]
    last.assign(np.nextafter(np.array(last), np.float32(np.inf)))
    assert weights_digest(encoder) != digests[0]


def test_the_digest_knows_how_the_same_weights_are_used() -> None:
    digests = set()
    for limit in (6.0, None):
        frames = keras.Input((4, 4, 3))
        x = keras.layers.ReLU(limit)(keras.layers.Rescaling(1 / 255)(frames))
        digests.add(weights_digest(keras.Model(frames, keras.layers.GlobalAveragePooling2D()(x))))
    assert len(digests) == 2
