"""A name for what an encoder computes: what a cache of its features is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def weights_digest(encoder: Any) -> str:
    """SHA-256, in hexadecimal, of an encoder's layers, how they are connected, and its weights.

    The same whatever else was built before it (Keras numbers layers without a name of their own), and whether it is
    frozen or not; different as soon as one weight is.
    """
    numbers = {name: f"#{index}" for index, name in enumerate(dict.fromkeys(_layer_names(encoder)))}
    layers = _plain(json.loads(encoder.to_json())["config"], numbers)
    digest = hashlib.sha256(json.dumps(layers, sort_keys=True).encode())
    for weight in encoder.weights:
        values = np.ascontiguousarray(weight)
        digest.update(f"{values.dtype} {values.shape} ".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _layer_names(model: Any) -> Iterator[str]:
    for operation in model.operations:  # layers, and sums and products that are none
        yield operation.name
        if isinstance(operation, keras.Model):
            yield from _layer_names(operation)


def _plain(value: Any, numbers: dict[str, str]) -> Any:
    """The same configuration with numbers for names, and without what does not change the result."""
    if isinstance(value, dict):
        return {key: _plain(item, numbers) for key, item in value.items() if key != "trainable"}
    if isinstance(value, list):
        return [_plain(item, numbers) for item in value]
    return numbers.get(value, value) if isinstance(value, str) else value
