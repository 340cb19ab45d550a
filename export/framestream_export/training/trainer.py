"""A network, its optimizer and the epochs they have seen: what a checkpoint holds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from framestream.errors import DataError, SettingsError
from framestream_export.files import load_arrays, save_arrays
from framestream_export.measures.labelled import LabelledPredictions, accuracy, weighted_loss
from framestream_export.run_folder import StageFiles
from framestream_export.training.devices import Devices
from framestream_export.training.examples.batches import Batch, Examples
from framestream_export.training.mixed_precision import mean_gradients, own_share, without_overflow
from framestream_export.training.settings import TrainSettings

_WARMUP_STEPS = 200
_CLIP_NORM = 1.0


class Network(Protocol):
    """A network that can be trained: a whole classifier on frames, or its head on features."""

    @property
    def variables(self) -> list[Any]:
        """Everything that training changes, random state of dropout included, in a fixed order."""

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that the optimizer changes."""

    def run_logits(self, inputs: Any, row_ends: NDArray[np.int32], *, training: bool) -> Any:
        """Logits [B, R, K] at several frames of each run."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A pass of training: for example a head on features, or after it the last blocks of the encoder with the head.

    Attributes:
        name: Name of the stage's checkpoints and of its lines on the console.
        epochs: Most epochs to train.
        learning_rate: Peak of the cosine schedule.
        patience: Epochs without a better validation loss before it stops.
        after: What the stage builds on; a checkpoint that was built on something else is not continued.
        on_features: Whether the stage's epochs take next to no time: nobody wants to read a line about each of them.
    """

    name: str
    epochs: int
    learning_rate: float
    patience: int
    after: str = ""
    on_features: bool = False


@dataclass(slots=True)
class History:
    """The figures of each complete epoch, and which epoch was best."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")

    def add(self, entry: dict[str, float]) -> bool:
        """Append an epoch; say whether it is the best so far. Where nothing is validated, the newest is."""
        self.epochs.append(entry)
        loss = entry.get("validation_loss", -len(self.epochs))
        if not loss < self.best_loss:  # not a number is no improvement
            return False
        self.best_loss, self.best_epoch = loss, len(self.epochs)
        return True

    def stop_reason(self, stage: Stage) -> str | None:
        """Why there is no further epoch, or None."""
        if len(self.epochs) >= stage.epochs:
            return "all epochs"
        if len(self.epochs) - self.best_epoch >= stage.patience:
            return "early stopping"
        return None


class Trainer:
    """Trains a network through one stage."""

    def __init__(
        self,
        network: Network,
        examples: Examples,
        stage: Stage,
        settings: TrainSettings,
        class_weights: NDArray[np.float32],
        validate: Callable[[], LabelledPredictions] | None = None,
        *,
        devices: Devices | None = None,
    ) -> None:
        """Set everything up as it is before the stage's first epoch.

        Args:
            network: The network to train, from the weights it has.
            examples: The training examples.
            stage: The stage, which says how many epochs to train, and how fast.
            settings: Settings of the run.
            class_weights: float32 [classes], as in the examples.
            validate: Every prediction on the validation split with the weights of now; None keeps the last epoch.
            devices: Devices that each batch is split over, with the network's variables on all of them. None trains on
                one.
        """
        self.stage, self.history = stage, History()
        self._network, self._examples, self._settings = network, examples, settings
        self._class_weights, self._validate = class_weights, validate
        self._row_ends = examples.row_ends
        self._devices = devices or Devices.one()
        with self._devices.strategy.scope():
            self._optimizer = _optimizer(settings, stage, examples.steps, self._devices)
            self._optimizer.build(network.trainable_variables)
        self._signature = (
            examples.input_spec,
            tf.TensorSpec((None, len(self._row_ends)), tf.int32),
            tf.TensorSpec((None, len(self._row_ends)), tf.float32),
        )
        self._step = tf.function(self._train_on_batch, input_signature=self._signature)

    def run_epoch(self, console: Console) -> bool:
        """Train one epoch and measure it; say whether it is the best so far.

        Raises:
            SettingsError: The loss of the very first epoch is not a finite number.
        """
        started, number = time.monotonic(), len(self.history.epochs) + 1
        batches = track(
            _read_ahead(self._examples.batches(number)),
            description=f"{self.stage.name}, epoch {number}",
            total=self._examples.steps,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        sums = np.zeros(4)
        for batch in batches:
            sums += np.asarray(self._step(*batch))
        entry = {"loss": float(sums[0] / sums[1]), "accuracy": float(sums[2] / sums[3])}
        if self._validate is not None:
            predictions = self._validate()
            entry["validation_loss"] = weighted_loss(predictions, self._class_weights)
            entry["validation_accuracy"] = accuracy(predictions)
        elif not np.isfinite(entry["loss"]):
            entry["validation_loss"] = entry["loss"]
        entry["seconds"] = round(time.monotonic() - started, 2)
        best = self.history.add(entry)
        if not self.history.best_epoch:
            raise SettingsError(f"training diverged: the loss of epoch {number} is no number; lower --learning-rate")
        return best

    def save(self, files: StageFiles, *, best: bool) -> None:
        """Write the state after an epoch, `best` first, so that `last` never speaks of a best that is not there."""
        weights = [np.asarray(variable) for variable in self._network.variables]
        if best:
            save_arrays(files.best, weights, note={"epoch": len(self.history.epochs)})
        state = [*weights, *(np.asarray(variable) for variable in self._optimizer.variables)]
        note = {
            "epochs": self.history.epochs,
            "best_epoch": self.history.best_epoch,
            "best_loss": self.history.best_loss,
            "after": self.stage.after,
        }
        save_arrays(files.last, state, note=note)

    def restore(self, files: StageFiles) -> bool:
        """Go back to the state after the last complete epoch; say whether there was one of this stage."""
        if not files.last.is_file():
            return False
        arrays, note = load_arrays(files.last)
        if note.get("after", "") != self.stage.after:
            return False
        _assign([*self._network.variables, *self._optimizer.variables], arrays, files.last)
        self.history = History(note["epochs"], note["best_epoch"], note["best_loss"])
        return True

    def take_best(self, files: StageFiles) -> None:
        """Set the weights to those of the best epoch."""
        _assign(self._network.variables, load_arrays(files.best)[0], files.best)

    def _train_on_batch(self, inputs: Any, labels: Any, weights: Any) -> Any:
        """Take one step; return [sum of weighted losses, sum of weights, right predictions, predictions]."""
        strategy = self._devices.strategy
        sums = strategy.run(self._train_on_share, args=(inputs, labels, weights))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, sums, axis=None)

    def _train_on_share(self, inputs: Any, labels: Any, weights: Any) -> Any:
        """Do one replica's share of a step; its loss is its part of the whole batch's."""
        variables, batch_weight = self._network.trainable_variables, tf.reduce_sum(weights)
        inputs, labels, weights = own_share(inputs, labels, weights)
        with tf.GradientTape() as tape:
            logits = self._network.run_logits(inputs, self._row_ends, training=True)
            classes = logits.shape[-1]
            smoothing = self._settings.label_smoothing
            wanted = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
            losses = weights * tf.nn.softmax_cross_entropy_with_logits(wanted, logits)
            total, weight = tf.reduce_sum(losses), tf.reduce_sum(weights)
            loss = self._optimizer.scale_loss(tf.math.divide_no_nan(total, batch_weight))
        gradients = mean_gradients(tape.gradient(loss, variables))
        if self._devices.precision.loss_scale:
            gradients = without_overflow(gradients)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        labelled = weights > 0
        right = labelled & (tf.argmax(logits, axis=-1, output_type=tf.int32) == labels)
        return tf.stack(
            [total, weight, tf.reduce_sum(tf.cast(right, tf.float32)), tf.reduce_sum(tf.cast(labelled, tf.float32))]
        )


def _read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, the next two made by a thread while one is trained on."""
    maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="framestream-batches")
    try:
        asked = deque(maker.submit(next, batches, None) for _ in range(2))
        while (batch := asked.popleft().result()) is not None:
            asked.append(maker.submit(next, batches, None))
            yield batch
    finally:
        maker.shutdown(cancel_futures=True)


def _assign(variables: list[Any], arrays: list[Any], path: Path) -> None:
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in arrays]:
        raise DataError(f"{path} belongs to another model; train into a new folder")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _optimizer(settings: TrainSettings, stage: Stage, steps_per_epoch: int, devices: Devices) -> Any:
    steps = stage.epochs * steps_per_epoch
    warmup = min(_WARMUP_STEPS, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=stage.learning_rate / 10 if warmup else stage.learning_rate,
        warmup_target=stage.learning_rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(steps - warmup, 1),
        alpha=0.01,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        global_clipnorm=_CLIP_NORM / devices.count,  # see `mean_gradients`
        loss_scale_factor=devices.precision.loss_scale,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
