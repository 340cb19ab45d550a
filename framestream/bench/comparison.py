"""Variants of a model side by side: which is faster here, by how much, and where the time of each goes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.bench.bench_report import Facts, Ratio, Target
from framestream.bench.machine import has_dot_products, load_average, machine_facts
from framestream.bench.model_times import FILE_STEPS, throughput, time_models
from framestream.bench.operators import operator_milliseconds
from framestream.bench.synthetic_footage import model_frames
from framestream.bench.timing import Spread, compare
from framestream.classifier import Classifier
from framestream.errors import SettingsError
from framestream.model.session import Device, ModelSession
from framestream.model.spec import KEY_PREFIX

INT8_TARGET = 1.5
_STEPS = (1, FILE_STEPS)
_BLOCKS, _RUNS = 30, 10
_EXPLAINED = 5
# What ONNX Runtime makes of a convolution or product in whole numbers.
WHOLE_NUMBERS = frozenset({"QLinearConv", "QLinearMatMul", "QGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"})


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that takes part in a comparison.

    Attributes:
        path: Path of the model file.
        variant: The variant that the metadata name; `float32` where they name none.
        file_bytes: Size of the file.
        frames_per_second: Frames per second of one camera, by frames a run (1 and 16).
        operators: Milliseconds of a run of 16 frames (of 1 where the file takes no more) by operator, dearest first.
    """

    path: Path
    variant: str
    file_bytes: int
    frames_per_second: Mapping[int, float]
    operators: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {
            "path": str(self.path),
            "variant": self.variant,
            "file_bytes": self.file_bytes,
            "frames_per_second": {str(steps): value for steps, value in self.frames_per_second.items()},
            "operator_milliseconds": dict(self.operators),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of measuring models in turns.

    Attributes:
        machine: cores, load, versions, provider, threads.
        contenders: The model that the others are held against, and those.
        ratios: Ratios of each other model to the first, for each number of frames a run, in the order of `contenders`.
    """

    machine: Facts
    contenders: tuple[Contender, ...]
    ratios: tuple[Ratio, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as one JSON object; all numbers are finite."""
        return {
            "machine": dict(self.machine),
            "models": [one.to_dict() for one in self.contenders],
            "ratios": {ratio.name: ratio.to_dict() for ratio in self.ratios},
        }


def compare_models(
    model: str | os.PathLike[str] | None,
    others: Sequence[str | os.PathLike[str]],
    *,
    device: Device = "auto",
    threads: int | None = None,
    blocks: int = _BLOCKS,
    runs: int = _RUNS,
) -> Comparison:
    """Measure models against one of them, all in turns.

    Args:
        model: An ONNX file; None is the one that comes along.
        others: Model files to compare with `model`.
        device: Device to run the models on, see `ModelSession`.
        threads: Number of CPU threads, see `ModelSession`.
        blocks: Number of turns of each model.
        runs: Measured runs in a turn.

    Raises:
        SettingsError: No other model was given, or the models take frames of different sizes.
        ModelError: A model cannot be used.
    """
    if not others:
        raise SettingsError("there is no other model to compare with; give one or more")
    load_before = load_average()
    sessions = [Classifier.load(path, device=device, threads=threads).session for path in (model, *others)]
    for session in sessions[1:]:
        if session.spec.size_wh != sessions[0].spec.size_wh:
            raise SettingsError(
                f"{session.path} sees frames of {session.spec.size_wh} pixels and {sessions[0].path} of"
                f" {sessions[0].spec.size_wh}; give variants of one model"
            )
    named = {str(index): session for index, session in enumerate(sessions)}
    measured = time_models(named, steps=dict.fromkeys(named, _STEPS), blocks=blocks, runs=runs)
    contenders = tuple(
        _contender(session, {steps: throughput(measured[name, steps], steps=steps) for steps in _STEPS})
        for name, session in named.items()
    )
    ratios = [
        _ratio(contenders, index, steps, compare(measured["0", steps], measured[str(index), steps]))
        for index in range(1, len(contenders))
        for steps in _STEPS
    ]
    return Comparison(machine_facts(sessions[0], load_before), contenders, tuple(ratios))


def _contender(session: ModelSession, frames_per_second: Mapping[int, float]) -> Contender:
    steps = 1 if session.one_step else FILE_STEPS
    operators = operator_milliseconds(session, model_frames(session.spec.size_wh, steps=steps))
    return Contender(
        session.path,
        session.metadata.get(f"{KEY_PREFIX}variant", "float32"),
        session.path.stat().st_size,
        frames_per_second,
        operators,
    )


def _names(contenders: Sequence[Contender]) -> list[str]:
    """Return the models' names in ratios: their variants, numbered where two are of one variant."""
    variants = [one.variant for one in contenders]
    return [
        name if variants.count(name) == 1 else f"{name}_{variants[: index + 1].count(name)}"
        for index, name in enumerate(variants)
    ]


def _ratio(contenders: Sequence[Contender], index: int, steps: int, spread: Spread) -> Ratio:
    reference, other, names = contenders[0], contenders[index], _names(contenders)
    promised = (reference.variant, other.variant) == ("float32", "int8") and steps == FILE_STEPS
    target = Target("at least", INT8_TARGET) if promised and has_dot_products() else None
    missed = target is not None and not target.holds(spread.median)
    return Ratio(
        f"{names[index]}_over_{names[0]}_at_{steps}",
        spread,
        f"frames per second, {steps} a run, of {other.path} / of {reference.path}",
        target,
        _explain(reference, other) if missed else "",
    )


def _explain(reference: Contender, other: Contender) -> str:
    """Say why whole numbers gain less than they should."""
    total, before = sum(other.operators.values()), sum(reference.operators.values())
    floats = {name: value for name, value in other.operators.items() if name not in WHOLE_NUMBERS}
    dearest = ", ".join(f"{name} {value:.2f}" for name, value in list(floats.items())[:_EXPLAINED])
    return (
        f"of {total:.2f} ms a run ({before:.2f} in {reference.variant}), {sum(floats.values()):.2f} ms go into what is "
        f"not multiplied in whole numbers: {dearest}"
    )
