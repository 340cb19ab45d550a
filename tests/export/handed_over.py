"""A tiny model with its golden vectors, as they lie in a hand-off folder; made in no time, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from framestream.model.model_file import digest_of
from framestream.model.session import GraphRun, ModelSession
from framestream.model.spec import ModelSpec
from framestream_export.exporting.parity import onnx_rows
from framestream_export.exporting.seal import sealed, sidecar_of
from framestream_export.verification.vectors import choose_sequences, write_vectors
from tests.tiny_model import SIZE, make_spec, write_model

Change = Callable[[onnx.ModelProto], None]


def write_handed_over(folder: Path, *, kind: str = "window") -> Path:
    """Write model.onnx, model.json and golden vectors; returns the model."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    spec = replace(make_spec(kind=kind), accuracy=0.9, parity=1e-7, created="2026-01-01T00:00:00+00:00")
    write_model(path, spec)
    write_sealed(path, onnx.load(str(path)), spec)
    session = ModelSession(path, device="cpu")
    frames = wandering_frames(5, 30)
    chosen = choose_sequences(onnx_rows(session, frames), frames, window=spec.window)
    digest = digest_of(path.read_bytes())
    write_vectors(GraphRun(path), spec, chosen, folder, digest=digest, limit=1e-5, elsewhere_limit=1e-3)
    return path


def write_sealed(path: Path, model: onnx.ModelProto, spec: ModelSpec | None = None) -> None:
    """Write a model, its digest stamped in, and its sidecar."""
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if spec is not None:
        metadata = spec.to_metadata() | {"framestream.variant": "no-lstm-op"}  # which the tiny model has not
    path.write_bytes(sealed(model, metadata))
    path.with_suffix(".json").write_text(sidecar_of(model), encoding="utf-8")


def change_model(path: Path, change: Change, *, seal: bool = True) -> None:
    """Change a model in place; `seal` covers it up as well as can be: digest and sidecar are made anew."""
    model = onnx.load(str(path))
    change(model)
    if seal:
        write_sealed(path, model)
    else:
        path.write_bytes(model.SerializeToString())


def wandering_frames(sequences: int, frames: int) -> np.ndarray:
    """Frames whose mean colour wanders from one label of the tiny model to the next."""
    rng = np.random.default_rng(3)
    phase = rng.uniform(0, 2 * np.pi, (sequences, 1, 3)) + np.arange(frames)[None, :, None] / 5
    colours = 127 + 100 * np.sin(phase + np.arange(3) * 2 * np.pi / 3)
    noise = rng.integers(-20, 21, (sequences, frames, SIZE, SIZE, 3))
    return np.clip(colours[:, :, None, None] + noise, 0, 255).astype(np.uint8)
