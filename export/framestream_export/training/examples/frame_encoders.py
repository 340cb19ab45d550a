"""Encoders, called on bytes: one that may still change, and one that stays as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream.cores import usable_cores
from framestream.model.onnx_runtime import open_runtime_session
from framestream_export.graph.encoder import convert_encoder

_FRAMES_PER_CALL = 64
# What eight pictures become on their way stays in a core's cache; more at once is slower, not faster.
_FRAMES_PER_RUN = 8
# Each has a chunk of a clip in hand, in floats where a background is mixed in: up to a hundred megabytes.
_MOST_CALLERS = 8


class FrameEncoder(Protocol):
    """Turns frames into features."""

    @property
    def feature_dim(self) -> int:
        """How many numbers the features of a frame are, D."""

    @property
    def name(self) -> str:
        """Name of what computes the features: others may differ in the last digits."""

    @property
    def callers(self) -> int:
        """Number of threads that should call the encoder at once."""

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features float32 [N, D] of frames uint8 [N, size, size, 3], in calls of bounded size."""


class TracedEncoder:
    """A Keras encoder, traced once; later calls follow its weights."""

    name = "tensorflow"
    callers = 2  # one has its pictures ready while the other's are encoded

    def __init__(self, encoder: Any, *, size: int) -> None:
        """Take a Keras model from frames [N, size, size, 3] to features [N, D]."""
        self.feature_dim = int(encoder.output_shape[-1])
        self._encode: Callable[[Any], Any] = tf.function(
            lambda frames: encoder(tf.cast(frames, tf.float32), training=False),
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
        )

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features of frames; see `FrameEncoder`."""
        features = np.empty((len(frames), self.feature_dim), np.float32)
        for first in range(0, len(frames), _FRAMES_PER_CALL):
            chunk = slice(first, first + _FRAMES_PER_CALL)
            features[chunk] = self._encode(frames[chunk])
        return features


class GraphEncoder:
    """An encoder whose weights stay, as the graph that will serve: on a CPU twice to three times as fast.

    Any number of threads may call it at once, each on one core: that takes less time than one call on all of them.
    """

    name = "onnxruntime"

    def __init__(self, encoder: Any, *, size: int) -> None:
        """Take a Keras model as `TracedEncoder` does; it is converted when it is first needed."""
        self.feature_dim = int(encoder.output_shape[-1])
        self._encoder, self._size = encoder, size
        self._converting = threading.Lock()
        self.callers = min(usable_cores(), _MOST_CALLERS)

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features of frames; see `FrameEncoder`."""
        with self._converting:
            session = self._session
        name = session.get_inputs()[0].name
        features = np.empty((len(frames), self.feature_dim), np.float32)
        for first in range(0, len(frames), _FRAMES_PER_RUN):
            chunk = slice(first, first + _FRAMES_PER_RUN)
            channels_first = np.ascontiguousarray(frames[chunk].transpose(0, 3, 1, 2))
            features[chunk] = session.run(None, {name: channels_first})[0]
        return features

    @cached_property
    def _session(self) -> Any:
        graph = convert_encoder(self._encoder, size_wh=(self._size, self._size))
        return open_runtime_session(Path("encoder"), content=graph.SerializeToString())


def frozen_encoder(encoder: Any, *, size: int) -> FrameEncoder:
    """Return the fastest encoder of frames on this machine, for weights that stay as they are."""
    if tf.config.get_visible_devices("GPU"):
        return TracedEncoder(encoder, size=size)
    return GraphEncoder(encoder, size=size)
