"""Exporting a finished run to ONNX files that keep the streaming contract; a file that breaks it is not written."""

from __future__ import annotations

import importlib.metadata
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from framestream.errors import SettingsError
from framestream.escapes import is_utf8
from framestream.model.onnx_runtime import open_runtime_session
from framestream.model.session import ModelSession
from framestream.model.spec import KEY_PREFIX, KEYPOINTS, EventSettings, ModelSpec
from framestream_export.exporting.figures import Variant, VariantFigures, find_variant
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.gate import Gate, compare
from framestream_export.exporting.kernels import Coverage
from framestream_export.exporting.maker import VariantMaker
from framestream_export.exporting.parity import largest_difference, onnx_rows
from framestream_export.exporting.seal import sealed, sidecar_of, sidecar_of_bytes
from framestream_export.exporting.speed import Speed, compare_speed
from framestream_export.files import make_writable, writing
from framestream_export.graph.cost import ModelCost, operator_table
from framestream_export.graph.encoder import finds_keypoints
from framestream_export.graph.streaming import check_structure


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """The result of an export.

    Attributes:
        path: Path of the model file.
        sidecar: The JSON file with the metadata of the model file.
        spec: The metadata in the file.
        nodes: Nodes in the graph.
        rows: Predictions on which Keras and ONNX were compared.
        figures: Figures measured on the exported model.
        kernels: Which nodes of the model run on the provider that it is meant for.
        speed: Speed of int8 next to float32 on this machine; None for other variants.
    """

    path: Path
    sidecar: Path
    spec: ModelSpec
    nodes: int
    rows: int
    figures: VariantFigures
    kernels: Coverage
    speed: Speed | None = None


class Exporter:
    """Makes any number of files from one run; what several files need is made or measured once."""

    def __init__(
        self,
        run: Path,
        *,
        events: Mapping[str, float] | None = None,
        gate: Gate | None = None,
        data: Path | None = None,
    ) -> None:
        """Read a finished run.

        Args:
            run: Folder of a finished run.
            events: Default event settings to stamp into the models, by name; the others are those that training found
                to be good.
            gate: How much accuracy a variant may lose.
            data: Where the run's data set is now; None is where it was in training.

        Raises:
            DataError: The run cannot be used.
            SettingsError: Event settings that do not go together.
        """
        self.finished = FinishedRun.read(run)
        self.maker = VariantMaker(self.finished, run, data=data)
        found = EventSettings(**self.finished.record.get("events", {}))
        self._spec = _spec(self.finished, replace(found, **(events or {})))
        self._gate = gate or Gate()

    def write(self, output: Path, variant: str = "float32") -> ExportedModel:
        """Write a variant with its sidecar, or nothing.

        All variants are compared with Keras on the run's parity frames; those other than float32 are also measured on
        all clips that the run kept out of training.

        Args:
            output: The file to write; its folder is made if need be.
            variant: Name of a variant, one of `figures.VARIANTS`.

        Raises:
            SettingsError: The file cannot be written, or its sidecar would replace a file that is none.
            DataError: The held-out clips are gone.
            ModelError: The graph is not what it must be, differs from Keras, or loses too much; nothing is written.
        """
        wanted = find_variant(variant)
        check_output(output, variant)
        proto = self.maker.make(variant)
        lstm_nodes = wanted.lstm_nodes_of(self._spec.head)
        check_structure(proto, states=self._spec.state_names, outputs=self._spec.outputs or (), lstm_nodes=lstm_nodes)
        make_writable(output.parent)
        sidecar = output.with_suffix(".json")
        # ONNX Runtime opens paths; the prefix makes a leftover of a crash recognisable.
        partial, partial_sidecar = output.with_name(f".part.{output.name}"), sidecar.with_name(f".part.{sidecar.name}")
        try:
            with writing(output):
                _write(proto, self._metadata(self._spec, proto), partial, wanted)
            figures = self._measure(partial, wanted)
            self._gate.check(figures, wanted)
            accuracy = self._spec.accuracy if figures.accuracy is None else figures.accuracy
            spec = replace(self._spec, parity=figures.parity, accuracy=accuracy)
            with writing(output):
                facts = _write(proto, self._metadata(spec, proto) | figures.to_metadata(), partial, wanted)
                partial_sidecar.write_text(facts, encoding="utf-8")
                kernels = Coverage.of(partial, wanted.provider)
                speed = self._compare_speed(partial) if variant == "int8" else None
                os.replace(partial, output)
                os.replace(partial_sidecar, sidecar)
        finally:
            partial.unlink(missing_ok=True)
            partial_sidecar.unlink(missing_ok=True)
        rows = self._expected.shape[0] * self._expected.shape[1]
        return ExportedModel(output, sidecar, spec, len(proto.graph.node), rows, figures, kernels, speed)

    def _metadata(self, spec: ModelSpec, proto: Any) -> dict[str, str]:
        return spec.to_metadata() | operator_table(proto) | self._cost.to_metadata()

    def _measure(self, path: Path, variant: Variant) -> VariantFigures:
        session = ModelSession(path, device="cpu")
        parity = largest_difference(self._expected, onnx_rows(session, self.finished.frames))
        if variant.name == "float32":
            return VariantFigures(variant.name, parity)
        held_out = self.maker.held_out
        return compare(variant, parity, held_out.predictions(session), self._float32_predictions, held_out.labels())

    def _compare_speed(self, path: Path) -> Speed:
        with tempfile.TemporaryDirectory() as folder:
            return compare_speed(path, self._write_float32(Path(folder)))

    @cached_property
    def _expected(self) -> NDArray[np.float32]:
        """Return the predictions of Keras for the run's parity frames."""
        return self.finished.model.predictions(self.finished.frames)

    @cached_property
    def _float32_predictions(self) -> NDArray[np.float32]:
        """Return the predictions of the float32 file for the held-out clips."""
        with tempfile.TemporaryDirectory() as folder:
            return self.maker.held_out.predictions(ModelSession(self._write_float32(Path(folder)), device="cpu"))

    def _write_float32(self, folder: Path) -> Path:
        path = folder / "float32.onnx"
        _write(self.maker.make("float32"), self._spec.to_metadata(), path, find_variant("float32"))
        return path

    @cached_property
    def _cost(self) -> ModelCost:
        maker, model = self.maker, self.finished.model
        parameters = model.encoder.count_params() + model.head.count_params()
        return ModelCost.of(maker.encoder, maker.head, lstm_steps=self._spec.window, parameters=parameters)


def check_output(output: Path, variant: str) -> None:
    """Check that a variant may be written to a path.

    Raises:
        SettingsError: The name does not fit, or the sidecar would replace a file that is none.
    """
    suffix = find_variant(variant).suffix
    if output.suffix != suffix or output.is_dir():
        raise SettingsError(f"{output} is not the name of an {suffix} file; give --output NAME{suffix}")
    if not is_utf8(output):
        raise SettingsError(
            f"{output}: its name is not UTF-8, so ONNX Runtime could not open it; give another --output"
        )
    sidecar = output.with_suffix(".json")
    if sidecar.exists() and not _is_sidecar(sidecar):
        raise SettingsError(
            f"{sidecar} exists and is no model's sidecar; move it, or give another --output NAME{suffix}"
        )


def _is_sidecar(path: Path) -> bool:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and f"{KEY_PREFIX}spec_version" in facts


def _spec(finished: FinishedRun, events: EventSettings) -> ModelSpec:
    settings, record = finished.settings, finished.record
    window = settings.kind == "window"
    versions = {name: record["versions"][name] for name in ("framestream", "tensorflow", "keras")}
    versions["tf2onnx"] = importlib.metadata.version("tf2onnx")
    return ModelSpec(
        kind="window" if window else "stateful",
        labels=tuple(record["labels"]),
        background=record["background"],
        frame_rate=settings.frame_rate,
        window=settings.window if window else 1,
        anchor_frames=settings.anchor_frames,
        height=settings.size,
        width=settings.size,
        state_names=("features",) if window else ("hidden", "cell"),
        events=events,
        producer=" ".join(f"{name} {version}" for name, version in versions.items()),
        training_fingerprint=f"sha256:{record['fingerprint']}",
        accuracy=record["test"]["accuracy"],
        created=record["finished"],
        head=settings.head,
        temperature=record.get("temperature"),
        outputs=(KEYPOINTS,) if finds_keypoints(finished.model.encoder) else None,
    )


def _write(proto: Any, metadata: Mapping[str, str], path: Path, variant: Variant) -> str:
    """Write the file of a variant; returns the text of its sidecar."""
    if variant.suffix == ".onnx":
        path.write_bytes(sealed(proto, metadata))
        return sidecar_of(proto)
    content = ort_bytes(proto, metadata)
    path.write_bytes(content)
    return sidecar_of_bytes(metadata, content)


def ort_bytes(model: Any, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of an .ort file of an onnx.ModelProto, with the same metadata.

    Only optimizations that every processor understands are baked in; the rest is left to where it runs. ONNX Runtime
    writes its tables in an order that changes from time to time, so that the bytes do, and the predictions do not.
    """
    helper.set_model_props(model, dict(metadata))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ort"
        open_runtime_session(Path("model"), content=model.SerializeToString(deterministic=True), optimized=path)
        return path.read_bytes()
