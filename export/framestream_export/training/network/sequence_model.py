"""The sequence model: a frame encoder and a recurrent head, trained in folded form.

`TimeDistributed(encoder) -> LSTM -> Dense(softmax)` with the batch and time axes folded into one for the encoder:
the same function as with `keras.layers.TimeDistributed`, which Keras 3 unrolls into a Python loop over time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from framestream.errors import DataError, SettingsError
from framestream_export.encoders.building import build_encoder
from framestream_export.encoders.pose_encoder import gives_keypoints
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE
from framestream_export.training.base_run import BaseRun
from framestream_export.training.network.heads import build_head, is_centred, without_softmax
from framestream_export.training.network.projection import build_projection, with_projection
from framestream_export.training.settings import TrainSettings

FeatureStatistics: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Mean and deviation of each feature, float32 [D] each."""
# What Keras, HDF5 and zipfile raise for a damaged file.
_DAMAGED = (ValueError, OSError, KeyError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)  # no slots: what is traced is kept
class HeadNetwork:
    """The part of a classifier that looks at features over time, by itself.

    Attributes:
        kind: "window" or "stateful".
        window: Frames per prediction of a window model.
        head: Features to probabilities: [B, window, D] to [B, K] (window), [B, T, D] to [B, T, K] (stateful).
        logits: The head without its softmax, on the same weights.
        projection: Trained with the head, from a frozen encoder's features [B, T, D'] to D; None where there is none.
    """

    kind: str
    window: int
    head: Any
    logits: Any
    projection: Any = None

    @classmethod
    def build(
        cls,
        settings: TrainSettings,
        *,
        feature_dim: int,
        labels: Sequence[str],
        first_head: Path | None = None,
        statistics: FeatureStatistics | None = None,
        keypoints: bool = False,
    ) -> tuple[HeadNetwork, bool]:
        """A new head, its weights from the settings' seed or `first_head`; and whether they are of that.

        Args:
            settings: Settings of the training, which say what to build.
            feature_dim: How many numbers the encoder gives for a frame.
            labels: All labels, in the order of the probabilities.
            first_head: File of a head of the same kind to start from, if it fits.
            statistics: Mean and deviation of the features, if a projection is to bring them to `settings.feature_dim`.
            keypoints: Whether the features are joints, and `statistics` those of the bodies that they describe.
        """
        keras.utils.set_random_seed(settings.seed)
        projection = None
        if statistics is not None:
            feature_dim = settings.feature_dim
            mean, deviation = statistics
            projection = build_projection(mean, deviation, width=feature_dim, seed=settings.seed, keypoints=keypoints)
            settings = replace(settings, dropout=0.0)  # the projection drops features before it mixes them
        previous = None if first_head is None else load_part(first_head)
        centred = projection is not None or (previous is not None and is_centred(previous))
        head = build_head(settings, feature_dim=feature_dim, classes=len(labels), centred=centred)
        taken = previous is not None and _take_weights(head, previous)
        return cls(settings.kind, settings.window, head, without_softmax(head), projection), taken

    @property
    def variables(self) -> list[Any]:
        """Everything that training changes, random state of dropout included, in a fixed order."""
        return [variable for part in self._parts for variable in part.variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that the optimizer changes."""
        return [variable for part in self._parts for variable in part.trainable_variables]

    @property
    def _parts(self) -> list[Any]:
        return [self.head] if self.projection is None else [self.projection, self.head]

    @cached_property
    def classify(self) -> Callable[[Any], Any]:
        """The head as a graph, traced once; later calls follow its weights."""
        steps = self.window if self.kind == "window" else None
        traced: Callable[[Any], Any] = tf.function(
            lambda rows: self.head(rows, training=False),
            input_signature=[tf.TensorSpec((None, steps, self.head.input_shape[-1]), tf.float32)],
        )
        return traced

    def project(self, features: Any, *, training: bool) -> Any:
        """Return the head's own input, [B, T, D], for features [B, T, D']."""
        return features if self.projection is None else self.projection(features, training=training)

    def run_logits(self, inputs: Any, row_ends: NDArray[np.int32], *, training: bool) -> Any:
        """Logits float32 [B, R, K] at several frames of each run of features [B, L, D'], see `SequenceModel`."""
        inputs = self.project(inputs, training=training)
        if self.kind == "stateful":
            return tf.gather(self.logits(inputs, training=training), row_ends, axis=1)
        rows = windows_of(inputs, row_ends, window=self.window)
        logits = self.logits(tf.reshape(rows, [-1, self.window, inputs.shape[-1]]), training=training)
        return tf.reshape(logits, [-1, len(row_ends), logits.shape[-1]])


@dataclass(frozen=True)  # no slots: the head by itself is kept
class SequenceModel:
    """Two plain Keras models that are one classifier.

    Attributes:
        kind: "window" or "stateful".
        window: Frames per prediction of a window model.
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
            settings: Settings of the training, which say what to build.
            labels: All labels, in the order of the probabilities.
            restored: Whether a checkpoint is going to set the weights; then they are not read from their first source.

        Raises:
            SettingsError: Settings of the encoder that do not go together.
            DataError: Weights that cannot be had or do not fit.
        """
        keras.utils.set_random_seed(settings.seed)
        encoder = first_encoder(settings, restored=restored)
        base = None if restored else BaseRun.of(settings.weights)
        first = None if base is None else base.first_head(settings, labels)
        part, taken = HeadNetwork.build(settings, feature_dim=encoder.output_shape[-1], labels=labels, first_head=first)
        return cls(settings.kind, settings.window, encoder, part.head, part.logits, taken)

    @classmethod
    def of(cls, encoder: Any, part: HeadNetwork, *, head_taken: bool = False) -> SequenceModel:
        """Put an encoder and a head together; a projection becomes the encoder's last layer."""
        if part.projection is not None:
            encoder = with_projection(encoder, part.projection)
        return cls(part.kind, part.window, encoder, part.head, part.logits, head_taken)

    @cached_property
    def recurrent(self) -> HeadNetwork:
        """The head by itself, on the same weights."""
        return HeadNetwork(self.kind, self.window, self.head, self.logits)

    @classmethod
    def load(cls, folder: Path, *, kind: str, window: int) -> SequenceModel:
        """Read the two models of a finished run."""
        parts = []
        for name in (ENCODER_FILE, HEAD_FILE):
            if not (folder / name).is_file():
                raise DataError(f"{folder} has no {name}: not the output of a finished `framestream train`")
            parts.append(load_part(folder / name))
        return cls(kind, window, parts[0], parts[1], without_softmax(parts[1]))

    @property
    def variables(self) -> list[Any]:
        """Everything that training changes, random state of dropout included, in a fixed order."""
        return [*self.encoder.variables, *self.head.variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that the optimizer changes."""
        return [*self.encoder.trainable_variables, *self.head.trainable_variables]

    def run_logits(self, inputs: Any, row_ends: NDArray[np.int32], *, training: bool) -> Any:
        """Logits at several frames of each run, every frame encoded once.

        Args:
            inputs: Frames uint8 [B, L, H, W, 3].
            row_ends: int32 [R], the frame each row ends at; for a window model at least window - 1.
            training: Whether dropout and batch statistics are those of training.

        Returns:
            float32 [B, R, K].
        """
        length, pixels = inputs.shape[1], inputs.shape[2:]
        flat = tf.cast(tf.reshape(inputs, [-1, *pixels]), tf.float32)
        encoded = tf.cast(self.encoder(flat, training=training), tf.float32)  # an encoder in mixed precision gives less
        features = tf.reshape(encoded, [-1, length, self.encoder.output_shape[-1]])
        return self.recurrent.run_logits(features, row_ends, training=training)

    def predictions(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The model's predictions for whole sequences: every window classified by itself, no state carried along.

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
    """The encoder a run starts with; `restored` as in `SequenceModel.build`, which lists the errors.

    That of another run is taken as it is, its projection included.
    """
    base = None if restored else BaseRun.of(settings.weights)
    if base is None:
        encoder = build_encoder(
            settings.encoder,
            size=settings.size,
            feature_dim=settings.feature_dim,
            weights=settings.weights,
            freeze=settings.two_stage,
            restored=restored,
        )
        if gives_keypoints(encoder) and (settings.fine_tune or not settings.two_stage):
            raise SettingsError(
                f"{settings.encoder} stays as it is, as there is no gradient through a choice of joints; give --weights"
                " people and no --fine-tune"
            )
        return encoder
    encoder = load_part(base.path / ENCODER_FILE)
    if (base.encoder, encoder.input_shape[1:3]) != (settings.encoder, (settings.size, settings.size)):
        raise DataError(
            f"{base.path} has a {base.encoder} encoder for {encoder.input_shape[1]} pixels, not {settings.encoder} for"
            f" {settings.size}; give --encoder and --size as it has them"
        )
    encoder.trainable = not settings.two_stage
    return encoder


def windows_of(features: Any, row_ends: NDArray[np.int32], *, window: int) -> Any:
    """Cut windows out of runs: [B, L, D] to [B, R, window, D], window r ending with frame `row_ends[r]`."""
    return tf.gather(features, row_ends[:, None] + np.arange(1 - window, 1, dtype=np.int32), axis=1)


def load_part(path: Path) -> Any:
    """Read the Keras model of a part, an encoder or a head; DataError if it is damaged or holds code."""
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except _DAMAGED as error:
        if "safe_mode" in str(error):
            raise DataError(
                f"{path} holds code of its own (a Lambda layer) that would run while it is loaded; refused: use a run"
                " that `framestream train` made"
            ) from error
        raise DataError(f"{path} cannot be read; delete it and resume the training, which writes it again") from error


def _take_weights(head: Any, previous: Any) -> bool:
    """Take the weights of another head, if they fit; return whether they did."""
    if [weight.shape for weight in previous.weights] != [weight.shape for weight in head.weights]:
        return False
    head.set_weights(previous.get_weights())
    return True


def unweigh_classes(head: HeadNetwork, weights: NDArray[np.float32]) -> None:
    """Undo the class weights in a head's predictions.

    Class weights w make training converge to probabilities in proportion to w x p: as if all labels were equally
    common. Taking log w off the logits gives p, so that a score means what it says, above all between the
    background, of which there is much, and the rest.
    """
    bias = head.head.get_layer("logits").bias
    bias.assign(bias - np.log(weights))


def weigh_classes(head: HeadNetwork, weights: NDArray[np.float32]) -> None:
    """Put the class weights back that `unweigh_classes` took off the logits, to go on training."""
    bias = head.head.get_layer("logits").bias
    bias.assign(bias + np.log(weights))
