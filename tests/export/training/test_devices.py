"""Training on several devices: two that are the CPU, since there may be no GPU where the tests run."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from framestream_export.encoders.blocks import leaf_layers, thaw_last_blocks
from framestream_export.training.devices import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    Devices,
    Precision,
    choose_devices,
    precision_for,
)
from framestream_export.training.mixed_precision import TrainingCopy, without_overflow
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.trainer import Stage, Trainer
from tests.export.conftest import Cli
from tests.export.on_two_cpus import SETTINGS, OneBatch

OPTIONS = (
    *("--encoder", "small", "--size", "32", "--window", "8", "--no-lstm", "--feature-dim", "8"),
    # Slowly: Adam divides rounding errors by gradients that are next to nothing, and takes steps of them.
    *("--batch-size", "5", "--epochs", "2", "--dropout", "0", "--learning-rate", "2e-4"),
)


def on_two_cpus(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.export.on_two_cpus", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.long
def test_steps_on_two_devices_are_those_on_one() -> None:
    """In all but rounding, with a batch that cannot be halved, batch norms, a gradient that is clipped, weights."""
    report = json.loads(on_two_cpus().stdout)
    one, two, (after_one, elsewhere, after_resuming) = (report["steps"][name] for name in ("one", "two", "apart"))
    assert len(one) == len(two) == 2
    for entry, other in zip(one, two, strict=True):
        assert entry == pytest.approx(other, rel=1e-5)
    assert after_one < 1e-4
    assert elsewhere > 1e-2
    assert after_resuming < 1e-2  # Adam divides rounding errors by gradients that are next to nothing
    assert report["weights"] == [1, 2, 5]


@pytest.mark.long
def test_a_run_begun_on_two_devices_goes_on_with_one(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    cache, whole, moved = tmp_path / "cache", tmp_path / "whole", tmp_path / "moved"
    options = [*OPTIONS, "--cache", str(cache)]
    code, _, messages = cli("train", toy_clips, "--output", whole, *options, "--devices", "cpu")
    assert code == 0, messages
    assert "trains on the CPU\n" in messages
    begun = ["train", str(toy_clips), "--output", str(moved), *options, "--time-limit", "0.001"]
    messages = on_two_cpus(json.dumps([begun])).stderr
    assert "trains on 2 CPU devices; batches of frames are split over them\n" in messages
    assert cli("export", moved, "--output", tmp_path / "begun.onnx")[0] == 0
    assert json.loads((moved / "run.json").read_text())["devices"]["names"] == ["/device:CPU:0", "/device:CPU:1"]
    code, _, messages = cli("train", toy_clips, "--output", moved, "--resume")
    assert code == 0, messages
    records = [json.loads((run / "run.json").read_text()) for run in (whole, moved)]
    assert records[1]["devices"] == records[0]["devices"]
    histories = [record["stages"]["network"]["history"] for record in records]
    assert len(histories[0]) == 2
    for entry, other in zip(*histories, strict=True):
        assert entry == pytest.approx(entry | other | {"seconds": entry["seconds"]}, rel=1e-3)
    files = [sorted(path.relative_to(run) for path in run.rglob("*")) for run in (whole, moved)]
    assert files[0] == files[1]


def test_gpus_that_are_not_there(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    code, _, errors = cli("train", toy_clips, "--output", tmp_path / "run", *OPTIONS, "--devices", "99")
    assert code == 1
    assert "error: devices 99: TensorFlow finds " in errors
    assert "or use --devices cpu" in errors
    assert not (tmp_path / "run").exists()
    code, _, errors = cli("train", toy_clips, "--output", tmp_path / "run", "--devices", "both")
    assert code == 1
    assert "devices 'both' is neither a number of GPUs from 1 nor one of auto, cpu" in errors


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([], FLOAT32),
        ([None], FLOAT32),
        ([(6, 1)], FLOAT32),
        ([(7, 0)], FLOAT16),
        ([(7, 5), (8, 6)], FLOAT16),
        ([(9, 0), (10, 0)], BFLOAT16),
        ([(9, 0), None], FLOAT32),
        ([(9, 0), (6, 1)], FLOAT32),
    ],
)
def test_mixed_precision_where_all_devices_are_made_for_it(
    capabilities: list[tuple[int, int] | None], precision: Precision
) -> None:
    assert precision_for(capabilities) == precision
    assert choose_devices("cpu").precision == FLOAT32


@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16])
def test_mixed_precision_leaves_nothing_but_weights_behind(precision: Precision) -> None:
    """Slow on a CPU, but it can do it."""
    model = SequenceModel.build(SETTINGS, labels=("a", "b", "c"))
    thaw_last_blocks(model.encoder, 2)
    configs = [part.get_config() for part in (model.encoder, model.head)]
    before = [np.asarray(variable) for variable in model.variables]
    devices = Devices(("/device:CPU:0",), (), precision, Devices.one().strategy)
    copy = TrainingCopy(model, devices)
    paths = [variable.path for variable in model.trainable_variables]
    assert [variable.path for variable in copy.network.trainable_variables] == paths
    assert {layer.compute_dtype for layer in leaf_layers(copy.network.encoder)} == {precision.policy[len("mixed_") :]}
    stage, class_weights = Stage("fine-tune", 1, 1e-3, 1), np.ones(3, np.float32)
    trainer = Trainer(copy.network, OneBatch(3), stage, SETTINGS, class_weights, devices=devices)
    trainer.run_epoch(Console(quiet=True))
    as_before = [np.array_equal(variable, array) for variable, array in zip(model.variables, before, strict=True)]
    assert all(as_before)
    copy.give_back()
    for variable, array in zip(model.variables, before, strict=True):
        trained = any(variable is other for other in model.trainable_variables)
        assert np.array_equal(variable, array) != trained, variable.path
        assert variable.dtype == array.dtype
    assert [part.get_config() for part in (model.encoder, model.head)] == configs
    assert trainer.history.epochs[0]["loss"] == pytest.approx(float32_loss(), rel=0.02)


@functools.cache
def float32_loss() -> float:
    model = SequenceModel.build(SETTINGS, labels=("a", "b", "c"))
    thaw_last_blocks(model.encoder, 2)
    stage, class_weights = Stage("fine-tune", 1, 1e-3, 1), np.ones(3, np.float32)
    trainer = Trainer(model, OneBatch(3), stage, SETTINGS, class_weights)
    trainer.run_epoch(Console(quiet=True))
    return trainer.history.epochs[0]["loss"]


def test_gradients_that_overflow_move_nothing() -> None:
    whole, broken = keras.ops.array([1.0, 2.0]), keras.ops.array([np.inf])
    assert [array_of(gradient) for gradient in without_overflow([whole, whole])] == [[1, 2], [1, 2]]
    assert [array_of(gradient) for gradient in without_overflow([whole, broken])] == [[0, 0], [0]]


def array_of(tensor: Any) -> list[float]:
    values: NDArray[Any] = np.asarray(tensor)
    return [float(value) for value in values]
