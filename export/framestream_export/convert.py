"""From a finished run to one ONNX file that keeps the streaming contract."""

from __future__ import annotations

import importlib.metadata
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf2onnx
from onnx import helper

from framestream.errors import ModelError, SettingsError
from framestream.session import ModelSession
from framestream.spec import KEY_PREFIX, EventSettings, ModelSpec
from framestream_export.finished_run import FinishedRun
from framestream_export.graph import OPSET, HeadWeights, check_structure, streaming_model
from framestream_export.parity import PARITY_LIMIT, largest_difference, onnx_rows
from framestream_export.run_folder import make_writable, writing


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export made.

    Attributes:
        path: The ONNX file.
        sidecar: The same facts as JSON.
        spec: What the file says about itself.
        nodes: Nodes in the graph.
        rows: Answers on which Keras and ONNX were compared.
    """

    path: Path
    sidecar: Path
    spec: ModelSpec
    nodes: int
    rows: int


def export(run: Path, output: Path, *, events: EventSettings | None = None) -> Exported:
    """Write a run's model as ONNX, with its sidecar, or nothing.

    Args:
        run: Folder of a finished run.
        output: The file to write; its folder is made if need be.
        events: Default event settings to stamp into the model.

    Raises:
        SettingsError: The file cannot be written, or its sidecar would replace a file that is none.
        DataError: The run cannot be used.
        ModelError: The graph is not what it must be, or differs from Keras; nothing is written.
    """
    if output.suffix != ".onnx" or output.is_dir():
        raise SettingsError(f"{output} is not the name of an .onnx file; give --output NAME.onnx")
    sidecar = output.with_suffix(".json")
    if sidecar.exists() and not _is_sidecar(sidecar):
        raise SettingsError(f"{sidecar} exists and is no model's sidecar; move it, or give another --output NAME.onnx")
    finished = FinishedRun.read(run)
    settings, model = finished.settings, finished.model
    proto = streaming_model(
        convert_encoder(model.encoder, size_wh=settings.size_wh),
        HeadWeights.of(model.head),
        kind=settings.kind,
        window=settings.window,
        height=settings.size,
        width=settings.size,
    )
    spec = _spec(finished, events or EventSettings())
    check_structure(proto, states=spec.state_names)
    make_writable(output.parent)
    # ONNX Runtime opens paths; the suffix makes a leftover of a crash recognisable.
    partial, partial_sidecar = output.with_name(f".part.{output.name}"), sidecar.with_name(f".part.{sidecar.name}")
    try:
        with writing(output):
            _write(proto, spec, partial)
        expected = model.answers(finished.frames)
        found = onnx_rows(ModelSession(partial, device="cpu"), finished.frames)
        difference = largest_difference(expected, found)
        if not difference <= PARITY_LIMIT:
            raise ModelError(
                f"ONNX differs from Keras by {difference:.2e} on real frames; the limit is {PARITY_LIMIT:.0e}"
            )
        spec = replace(spec, parity=difference)
        with writing(output):
            _write(proto, spec, partial)
            partial_sidecar.write_text(spec.to_json(), encoding="utf-8")
            os.replace(partial, output)
            os.replace(partial_sidecar, sidecar)
    finally:
        partial.unlink(missing_ok=True)
        partial_sidecar.unlink(missing_ok=True)
    return Exported(output, sidecar, spec, len(proto.graph.node), expected.shape[0] * expected.shape[1])


def _is_sidecar(path: Path) -> bool:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and f"{KEY_PREFIX}spec_version" in facts


def convert_encoder(encoder: Any, *, size_wh: tuple[int, int]) -> Any:
    """A Keras encoder as an onnx.ModelProto: uint8 [N, height, width, 3] to float32 [N, D].

    The batch axis stays dynamic: with a fixed one tf2onnx makes other, worse graphs.
    """
    width, height = size_wh
    signature = [tf.TensorSpec((None, height, width, 3), tf.uint8, name="frames")]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def encode(frames: Any) -> Any:
        return encoder(tf.cast(frames, tf.float32), training=False)

    proto, _ = tf2onnx.convert.from_function(encode, input_signature=signature, opset=OPSET)
    return proto


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
    )


def _write(proto: Any, spec: ModelSpec, path: Path) -> None:
    helper.set_model_props(proto, spec.to_metadata())
    path.write_bytes(proto.SerializeToString(deterministic=True))
