"""Fine-tuning: which part of an encoder learns on, counted in blocks from its end.

A block is what the literature on a network calls one: an inverted residual of EfficientNet or MobileNet, a stage of the
small encoder, a residual or dense block. What comes before the first is a block, too, and so is what comes after the
last. A network whose layers are not named after blocks (InceptionV3, NASNetMobile) is one block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras

from framestream.errors import SettingsError

_BLOCK_NAMES = re.compile(
    r"(?:convnext_[a-z]+_stage_\d+_)?block_?\d+[a-z]?(?=_)"  # EfficientNet, MobileNetV2, Xception, ConvNeXt
    r"|expanded_conv(?:_\d+)?(?=_(?:expand|depthwise|squeeze|project))"  # MobileNetV3, the first block of MobileNetV2
    r"|conv\d+_block\d+(?=_)"  # ResNet, DenseNet
    r"|(?<=^conv_)[dp]w_\d+"  # MobileNet
    r"|stage\d+(?=_)"  # the small encoder
)


def block_count(encoder: Any) -> int:
    """How many blocks an encoder of `encoders.building.build_encoder` has."""
    return len(_blocks(encoder))


def thaw_last_blocks(encoder: Any, count: int) -> None:
    """Let the last `count` blocks learn, and nothing else.

    Batch norms stay frozen everywhere, also inside those blocks and when called with `training=True`. They keep the
    statistics that the weights around them were made for; what a few clips would put in their place is worse.

    Args:
        encoder: A network that `build_encoder` made; changed in place. Whatever was compiled or traced with it must be
            made anew.
        count: Number of blocks to train; 0 freezes everything.

    Raises:
        SettingsError: The encoder has fewer than `count` blocks.
    """
    blocks = _blocks(encoder)
    if not 0 <= count <= len(blocks):
        raise SettingsError(f"this encoder has {len(blocks)} blocks to fine-tune, not {count}")
    encoder.trainable = count > 0
    thawed = {id(layer) for block in blocks[len(blocks) - count :] for layer in block}
    for layer in leaf_layers(encoder):
        layer.trainable = id(layer) in thawed and not isinstance(layer, keras.layers.BatchNormalization)


def _blocks(encoder: Any) -> list[list[Any]]:
    """Layers with weights, block by block."""
    layers = [layer for layer in leaf_layers(encoder) if layer.weights]
    names = [_block_name(layer.name) for layer in layers]
    last = max((index for index, name in enumerate(names) if name), default=-1)
    blocks: list[list[Any]] = []
    current: str | None = None
    for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
        starts = not blocks or index == last + 1 or (name is not None and name != current)
        if starts:
            blocks.append([])
            current = name
        blocks[-1].append(layer)
    return _joined(blocks)


def _block_name(layer: str) -> str | None:
    match = _BLOCK_NAMES.search(layer)
    return match.group().removeprefix("dw_").removeprefix("pw_") if match else None


def _joined(blocks: list[list[Any]]) -> list[list[Any]]:
    """A last norm by itself, or a first one, belongs to the block beside it: there is nothing in it to fine-tune."""
    whole: list[list[Any]] = []
    for block in blocks:
        if whole and not (_has_kernel(block) and _has_kernel(whole[-1])):
            whole[-1].extend(block)
        else:
            whole.append(list(block))
    return whole


def _has_kernel(block: list[Any]) -> bool:
    return any(len(weight.shape) > 1 for layer in block for weight in layer.weights)


def leaf_layers(model: Any) -> Iterator[Any]:
    """The layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer)
        else:
            yield layer
