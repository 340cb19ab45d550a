"""The sequence model: a frame encoder and a recurrent head, trained in folded form.

``TimeDistributed(encoder) -> LSTM -> Dense(softmax)`` with the batch and time axes folded into one for the encoder:
the same function as with `keras.layers.TimeDistributed`, which Keras 3 unrolls into a Python loop over time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream_export.encoders.building import build_encoder
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE
from framestream_export.training.base_run import BaseRun
from framestream_export.training.heads import build_head, without_softmax
from framestream_export.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class SequenceModel:
    """Two plain Keras models that are one classifier.

    Attributes:
        kind: "window" or "stateful".
        window: Frames per answer of a window model.
        encoder: Frames [N, H, W, 3], RGB 0..255, to features [N, D].
        head: Features to probabilities: [B, window, D] to [B, K] (window), [B, T, D] to [B, T, K] (stateful).
        logits: The head without its softmax, on the same weights.
        head_taken: Whether the head's weights were those of the run in `TrainSettings.weights` at first.
    """

    kind: str
    window: int
    encoder: Any
    head: Any
    logits: Any
    head_taken: bool = False

    @classmethod
    def build(cls, settings: TrainSettings, *, labels: Sequence[str], restored: bool = False) -> SequenceModel:
        """A new model; the seed of the settings fixes its weights, as far as they do not come from elsewhere.

        Args:
            settings: What to build.
            labels: In the order of the probabilities.
            restored: A checkpoint is going to set the weights: do not read them from where they first came from.

        Raises:
            SettingsError: Settings of the encoder that do not go together.
            DataError: Weights that cannot be had or do not fit.
        """
        keras.utils.set_random_seed(settings.seed)
        encoder = first_encoder(settings, restored=restored)
        head = build_head(settings, feature_dim=encoder.output_shape[-1], classes=len(labels))
        base = None if restored else BaseRun.of(settings.weights)
        taken = base is not None and _take_head(head, base, labels)
        return cls(settings.kind, settings.window, encoder, head, without_softmax(head), taken)

    @classmethod
    def load(cls, folder: Path, *, kind: str, window: int) -> SequenceModel:
        """Read the two models of a finished run."""
        parts = []
        for name in (ENCODER_FILE, HEAD_FILE):
            if not (folder / name).is_file():
                raise DataError(f"{folder} has no {name}: not the output of a finished `framestream train`")
            parts.append(_load(folder / name))
        return cls(kind, window, parts[0], parts[1], without_softmax(parts[1]))

    @property
    def variables(self) -> list[Any]:
        """Everything that training changes, random state of dropout included, in a fixed order."""
        return [*self.encoder.variables, *self.head.variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """What the optimizer moves."""
        return [*self.encoder.trainable_variables, *self.head.trainable_variables]

    def run_logits(self, frames: Any, row_ends: NDArray[np.int32], *, training: bool) -> Any:
        """Logits for several places of each run, every frame encoded once.

        Args:
            frames: uint8 [B, L, H, W, 3].
            row_ends: int32 [R], the frame each row ends at; for a window model at least window - 1.
            training: Whether dropout and batch statistics are those of training.

        Returns:
            float32 [B, R, K].
        """
        length, pixels = frames.shape[1], frames.shape[2:]
        flat = tf.cast(tf.reshape(frames, [-1, *pixels]), tf.float32)
        features = tf.reshape(self.encoder(flat, training=training), [-1, length, self.encoder.output_shape[-1]])
        if self.kind == "stateful":
            return tf.gather(self.logits(features, training=training), row_ends, axis=1)
        rows = windows_of(features, row_ends, window=self.window)
        logits = self.logits(tf.reshape(rows, [-1, self.window, features.shape[-1]]), training=training)
        return tf.reshape(logits, [-1, len(row_ends), logits.shape[-1]])

    def answers(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the model says of whole sequences: every window classified by itself, no state carried along.

        Args:
            frames: uint8 [sequences, frames, H, W, 3].

        Returns:
            float32 [sequences, rows, K]; a window model has rows = frames - window + 1, a stateful one rows = frames.
        """
        features = np.stack([np.asarray(self.encoder(tf.cast(one, tf.float32), training=False)) for one in frames])
        if self.kind == "stateful":
            return np.asarray(self.head(features, training=False))
        ends = np.arange(self.window - 1, frames.shape[1], dtype=np.int32)
        windows = tf.reshape(windows_of(features, ends, window=self.window), [-1, self.window, features.shape[-1]])
        rows = np.asarray(self.head(windows, training=False))
        return rows.reshape(len(frames), len(ends), -1)


def first_encoder(settings: TrainSettings, *, restored: bool = False) -> Any:
    """The encoder a run starts with; `restored` as in `SequenceModel.build`, which lists the errors."""
    return build_encoder(
        settings.encoder,
        size=settings.size,
        feature_dim=settings.feature_dim,
        weights=settings.weights,
        freeze=settings.freeze_encoder,
        restored=restored,
    )


def windows_of(features: Any, row_ends: NDArray[np.int32], *, window: int) -> Any:
    """Cut windows out of runs: [B, L, D] to [B, R, window, D], window r ending with frame `row_ends[r]`."""
    return tf.gather(features, row_ends[:, None] + np.arange(1 - window, 1, dtype=np.int32), axis=1)


# What Keras, HDF5 and zipfile raise for a damaged file.
_DAMAGED = (ValueError, OSError, KeyError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile)


def _load(path: Path) -> Any:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except _DAMAGED as error:
        if "safe_mode" in str(error):
            raise DataError(
                f"{path} holds code of its own (a Lambda layer) that would run while it is loaded; refused: use a run"
                " that `framestream train` made"
            ) from error
        raise DataError(f"{path} cannot be read; delete it and resume the training, which writes it again") from error


def _take_head(head: Any, base: BaseRun, labels: Sequence[str]) -> bool:
    """Start from the head of another run, if its answers mean the same and it has the same shape; say whether."""
    path = base.path / HEAD_FILE
    if base.labels != tuple(labels) or not path.is_file():
        return False
    previous = _load(path)
    if [weight.shape for weight in previous.weights] != [weight.shape for weight in head.weights]:
        return False
    head.set_weights(previous.get_weights())
    return True
