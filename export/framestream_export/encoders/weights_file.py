"""A network's weights in a file of Keras's: all of them, or an error."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from framestream.errors import DataError
from framestream_export.files import DAMAGED


def load_weights_file(network: Any, path: Path, *, name: str) -> None:
    """Set every weight of a network.

    Args:
        network: A Keras model.
        path: File with the network's weights, or with a model that holds them.
        name: The encoder's name in messages.

    Raises:
        DataError: The file does not exist, or does not hold weights of this network.
    """
    if not path.is_file():
        raise DataError(f"no weights file {path}; --weights takes people, imagenet, none, a file or a run")
    # Keras leaves a layer it finds nothing for as it was, and only warns (also about files that are complete). What is
    # still not a number afterwards was not in the file.
    network.set_weights([np.full(weight.shape, np.nan, np.float32) for weight in network.weights])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.load_weights(path)
    except DAMAGED as error:
        raise DataError(f"{path} does not hold the weights of this {name} encoder: {first_line(error)}") from error
    absent = [weight.path for weight in network.weights if np.isnan(np.asarray(weight)).any()]
    if absent:
        raise DataError(f"{path} lacks {len(absent)} weights of this {name} encoder, {absent[0]} first")


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its kind if it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
