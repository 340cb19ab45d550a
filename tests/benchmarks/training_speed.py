"""Training in two stages beside what people write with Keras: `python -m tests.benchmarks.training_speed`.

Both get the same clips, frames, division, encoder (EfficientNet-Lite0 with ImageNet weights, frozen) and LSTM, one
after the other in one process on two cores. Ours is the whole of `framestream train`: reading the clips, features in
every augmentation, the head, the head once more, the baseline and the report. Theirs is
`TimeDistributed(encoder) -> LSTM -> Dense` and `fit` alone, on windows cut beforehand, half a window apart.

An epoch of theirs goes through the training clips once, one of ours once in every augmentation. So two of our runs are
shown beside theirs: one that passes through the clips as often, and one of as many epochs, as people run it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from tests.export import toy

CORES = 2
FRAMES = 100  # of each clip, at 25 a second


@dataclass(frozen=True)
class Measured:
    """What one way of training cost, and how good it is on windows of the test clips."""

    seconds: float
    accuracy: float


@dataclass(frozen=True)
class Comparison:
    """What both ways of training cost, and how good they are.

    Attributes:
        same_passes: Two stages, as many passes through the clips as `end_to_end`.
        same_epochs: Two stages, as many epochs.
        end_to_end: What people write with Keras.
    """

    same_passes: Measured
    same_epochs: Measured
    end_to_end: Measured


def compare(clips: Path, folder: Path, settings: Any) -> Comparison:
    """Train both ways; TrainSettings say for how many epochs."""
    from framestream_export.training.training_data import DataPath, load_training_data

    passes = replace(settings, epochs=max(1, settings.epochs // (settings.augmentations + 1)))
    same_passes = train_in_stages(clips, folder / "passes", passes)
    same_epochs = train_in_stages(clips, folder / "epochs", settings)
    data = load_training_data(DataPath(clips), folder / "epochs" / "cache", settings, console=Console(quiet=True))
    return Comparison(same_passes, same_epochs, fit_end_to_end(data, settings))


def train_in_stages(clips: Path, run: Path, settings: Any) -> Measured:
    """Train as `framestream train` does, with nothing kept from an earlier run."""
    from framestream_export.training.training_data import DataPath
    from framestream_export.training.training_run import train

    started = time.perf_counter()
    record = train(DataPath(clips), run, settings, console=Console(quiet=True))
    return Measured(time.perf_counter() - started, record["test"]["accuracy"])


def fit_end_to_end(data: Any, settings: Any) -> Measured:
    """What people write: the encoder inside of the model, frozen, once for every frame of every window and epoch."""
    import keras

    from framestream_export.encoders.building import build_encoder

    keras.utils.set_random_seed(settings.seed)
    encoder = build_encoder(
        settings.encoder, size=settings.size, feature_dim=settings.feature_dim, weights=settings.weights
    )
    encoder.trainable = False
    frames = keras.Input((settings.window, settings.size, settings.size, 3), dtype="uint8")
    x = keras.layers.TimeDistributed(encoder)(frames)
    x = keras.layers.LSTM(settings.lstm_units, dropout=settings.dropout)(x)
    model = keras.Model(frames, keras.layers.Dense(data.classes, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(settings.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    half = settings.window // 2
    train, validation, test = (
        cut_windows(data, settings.window, split, hop=hop)
        for split, hop in (("train", half), ("validation", half), ("test", 1))
    )
    best = keras.callbacks.EarlyStopping("val_loss", patience=settings.epochs, restore_best_weights=True)
    started = time.perf_counter()
    model.fit(
        *train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_data=validation,
        callbacks=[best],
        verbose=0,
    )
    seconds = time.perf_counter() - started
    return Measured(seconds, float(model.evaluate(*test, batch_size=settings.batch_size, verbose=0)[1]))


def cut_windows(data: Any, window: int, split: str, *, hop: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Windows uint8 [N, window, height, width, 3] of a split's clips, and their labels; a short clip holds its end."""
    windows, labels = [], []
    for segment in data.segments(split):
        for start in range(0, max(len(segment) - window, 0) + 1, hop):
            places = segment.start + np.minimum(np.arange(start, start + window), len(segment) - 1)
            windows.append(data.cache.frames[places])
            labels.append(int(data.cache.labels[segment.start]))
    return np.stack(windows), np.array(labels)


def lines_of(comparison: Comparison) -> Sequence[str]:
    """The lines of text that show a comparison."""
    theirs = comparison.end_to_end
    rows = {
        "TimeDistributed end to end, fit alone": theirs,
        "two stages, all of framestream train, as many passes": comparison.same_passes,
        "two stages, all of framestream train, as many epochs": comparison.same_epochs,
    }
    return (
        *(
            f"{name:54} {one.seconds:7.1f} s   {one.accuracy:.3f} of test windows right   "
            f"{theirs.seconds / one.seconds:5.1f} times as fast"
            for name, one in rows.items()
        ),
        "wanted: 10 times as fast at the same accuracy or a better one",
    )


def main() -> None:
    """Train both ways, print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="labelled clips; by default moving squares are drawn")
    parser.add_argument("--per-class", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--looks", dest="augmentations", type=int, default=4)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    from framestream_export.training.settings import TrainSettings

    with tempfile.TemporaryDirectory() as folder:
        clips = arguments.data or toy.write_class_folders(
            Path(folder) / "clips", per_class=arguments.per_class, frames=FRAMES
        )
        settings = TrainSettings(
            encoder="EfficientNetLite0",
            weights="imagenet",
            size=arguments.size,
            augmentations=arguments.augmentations,
            epochs=arguments.epochs,
            patience=arguments.epochs,
        )
        print(f"{arguments.data or f'{arguments.per_class} drawn clips of each label'}, {settings}", flush=True)
        for line in lines_of(compare(clips, Path(folder), settings)):
            print(line)


if __name__ == "__main__":
    main()
