"""Training where TensorFlow has two devices, which are no more than the CPU, named twice; in a process of its own.

`python -m tests.export.on_two_cpus COMMANDS` runs command lines, a JSON list of argument lists. Without COMMANDS it
takes steps on one device and on both, and prints how far apart they end, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.cli.main import run
from framestream_export.cli.toolkit import TRAINING, require
from framestream_export.training.settings import TrainSettings

SETTINGS = TrainSettings(size=32, window=8, lstm_units=8, feature_dim=8, dropout=0)


@dataclass(frozen=True)
class OneBatch:
    """A single batch of noise, of so many examples."""

    examples: int
    steps: int = 1

    @property
    def row_ends(self) -> NDArray[np.int32]:
        """The frames of an input at which there is a label, as `Examples.row_ends`."""
        from framestream_export.training.examples.windows import row_ends

        return row_ends(SETTINGS)

    @property
    def input_spec(self) -> Any:
        """Frames."""
        import tensorflow as tf

        return tf.TensorSpec((None, SETTINGS.run_frames, SETTINGS.size, SETTINGS.size, 3), tf.uint8)

    def batches(self, epoch: int) -> Iterator[tuple[NDArray[Any], NDArray[np.int32], NDArray[np.float32]]]:
        """The same each epoch; weights differ, so that halves of the batch do not weigh the same."""
        rng, rows = np.random.default_rng(1), (self.examples, len(self.row_ends))
        frames = rng.integers(0, 256, (self.examples, *self.input_spec.shape[1:]), dtype=np.uint8)
        yield frames, rng.integers(0, 3, rows).astype(np.int32), rng.choice([0, 1, 9], rows).astype(np.float32)


def trainer_on(devices: Any, examples: int) -> Any:
    """A trainer of a new model, the same each time."""
    from framestream_export.training.mixed_precision import TrainingCopy
    from framestream_export.training.network.sequence_model import SequenceModel
    from framestream_export.training.trainer import Stage, Trainer

    copy = TrainingCopy(SequenceModel.build(SETTINGS, labels=("a", "b", "c")), devices)
    stage, class_weights = Stage("network", 9, 1e-3, 9), np.ones(3, np.float32)
    return Trainer(copy.network, OneBatch(examples), stage, SETTINGS, class_weights, devices=devices)


def moments(trainer: Any) -> NDArray[np.float64]:
    """The optimizer's, which are those of the gradients."""
    return np.concatenate([np.ravel(variable) for variable in trainer._optimizer.variables[2:]]).astype(np.float64)


def compare(examples: int) -> dict[str, Any]:
    """The same steps on one device and on two: histories, and how far moments are apart, relative to their size."""
    from rich.console import Console

    from framestream_export.run_folder import StageFiles
    from framestream_export.training.devices import Devices, choose_devices

    console, apart = Console(quiet=True), []
    one, two = trainer_on(Devices.one(), examples), trainer_on(choose_devices(), examples)

    def measure() -> None:
        apart.append(float(np.linalg.norm(moments(one) - moments(two)) / np.linalg.norm(moments(one))))

    for trainer in (one, two):
        trainer.run_epoch(console)
    measure()
    with TemporaryDirectory() as folder:
        files = StageFiles(Path(folder), "network")
        one.save(files, best=True)
        two.run_epoch(console)  # somewhere else, to come back from
        measure()
        two.restore(files)
    for trainer in (one, two):
        trainer.run_epoch(console)
    measure()
    entries = [{name: value for name, value in entry.items() if name != "seconds"} for entry in one.history.epochs]
    other = [{name: value for name, value in entry.items() if name != "seconds"} for entry in two.history.epochs]
    return {"one": entries, "two": other, "apart": apart}


def weight_of_shares(examples: int) -> float:
    """What the shares of a batch weigh together, each example being of weight 1."""
    import tensorflow as tf

    from framestream_export.training.devices import choose_devices
    from framestream_export.training.mixed_precision import own_share

    strategy, ones = choose_devices().strategy, tf.ones((examples, 1))
    shares = strategy.run(lambda: tf.reduce_sum(own_share(ones, ones, ones)[2]))
    return float(strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None))


def main(arguments: list[str]) -> int:
    """Set up two devices and do as the module says; the exit code of the first command that fails."""
    require(TRAINING)
    import tensorflow as tf

    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    if not arguments:
        print(json.dumps({"steps": compare(3), "weights": [weight_of_shares(examples) for examples in (1, 2, 5)]}))
        return 0
    return next((code for command in json.loads(arguments[0]) if (code := run(command))), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
