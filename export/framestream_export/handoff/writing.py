"""Writing a hand-off folder, whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError, ModelError, SettingsError
from framestream.model.model_file import ORT_SUFFIX
from framestream.model.onnx_runtime import runtime_version
from framestream.model.session import GraphRun, ModelSession
from framestream.model.spec import ModelSpec
from framestream_export.exporting.figures import VariantFigures, find_variant
from framestream_export.exporting.parity import onnx_rows
from framestream_export.exporting.speed import frame_times
from framestream_export.files import make_writable, writing
from framestream_export.handoff.card import model_card
from framestream_export.handoff.facts import HandoffFacts, WrittenVariant
from framestream_export.handoff.folder_layout import (
    CARD_FILE,
    CONFUSION_FILE,
    LABELS_FILE,
    MODEL_NAME,
    PICTURES_FOLDER,
    README_FILE,
    SUMS_FILE,
)
from framestream_export.handoff.guide import guide
from framestream_export.handoff.inspection import sums_of
from framestream_export.run_folder import RunFolder
from framestream_export.training.examples.synthetic_frames import drawn_frames
from framestream_export.verification.pictures import write_pictures
from framestream_export.verification.sealed_file import SealedFile
from framestream_export.verification.vectors import choose_sequences, write_vectors

KEPT_FOLDER = "kept"
REFERENCE = "float32"
_CPU_LIMITS = {"float16": 5e-3, "int8": 0.1}
_EXACT_LIMIT, _ELSEWHERE_LIMIT = 1e-4, 5e-3
ExportVariant = Callable[[str, Path], object]
"""Writes a variant, by name, to a path, its sidecar beside it; ModelError where it is not good enough."""


@dataclass(frozen=True, slots=True)
class HandoffFolder:
    """A hand-off folder that was written.

    Attributes:
        path: Path of the folder.
        variants: Names of the variants in it.
        refused: Why other variants are not in the folder, by name.
        file_bytes: Size of all files together.
        vector_frames: Pictures of the run's own recordings in the golden vectors.
    """

    path: Path
    variants: tuple[str, ...]
    refused: dict[str, str]
    file_bytes: int
    vector_frames: int


def write_handoff(
    run: Path, output: Path, *, variants: Sequence[str], export_variant: ExportVariant, drawn: bool = False
) -> HandoffFolder:
    """Write a folder with everything needed to run the model without FrameStream.

    Args:
        run: Folder of a finished run.
        output: The folder to write; must not exist, or be empty.
        variants: Names of the variants to put in; float32 always is.
        export_variant: Function that writes a variant.
        drawn: Make golden vectors of synthetic frames instead of the run's own recordings.

    Raises:
        SettingsError: The folder exists or cannot be written, or SOURCE_DATE_EPOCH is no time.
        DataError: The run cannot be used.
        ModelError: float32 itself cannot be exported.
    """
    written = _now()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SettingsError(f"{output} exists and is not empty; give another --handoff DIR, or delete it")
    folder = RunFolder(run)
    record = folder.read_record()
    confusion = folder.report / CONFUSION_FILE
    if record["state"] != "finished" or not confusion.is_file():
        raise DataError(f"{run} has no {confusion.name}; run `framestream train … --output {run} --resume` first")
    make_writable(output.parent)
    partial = output.with_name(f".part.{output.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with writing(output):
            partial.mkdir()
            names = [REFERENCE, *(name for name in dict.fromkeys(variants) if name != REFERENCE)]
            done, refused = _export_all(names, partial, _keeping_ort(run, partial, export_variant))
            frames, count = _frames(done[0].spec, partial / done[0].file, None if drawn else folder.parity_frames)
            for one in done:
                _write_vectors(one, partial, frames)
            paths = {one.variant.name: partial / one.file for one in done}
            speed = frame_times(paths, {one.variant.name: one.digest for one in done}, run=run)
            facts = HandoffFacts(record, done, refused, speed, count, written)
            _write_rest(facts, partial, confusion)
            size = sum(item.stat().st_size for item in partial.rglob("*") if item.is_file())
            os.replace(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return HandoffFolder(output, tuple(one.variant.name for one in done), refused, size, count)


def _now() -> str:
    text = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.now(timezone.utc) if text is None else datetime.fromtimestamp(int(text), timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"SOURCE_DATE_EPOCH is {text!r}: give seconds since 1970, a whole number") from error
    return moment.isoformat(timespec="seconds")


def _keeping_ort(run: Path, folder: Path, export_variant: ExportVariant) -> ExportVariant:
    """Wrap `export_variant` so that the `.ort` file of one float32 file is made once and kept in the run's folder."""

    def export(name: str, path: Path) -> None:
        if path.suffix != ORT_SUFFIX:
            export_variant(name, path)
            return
        digest = SealedFile.read(folder / REFERENCE / f"{MODEL_NAME}.onnx").digest
        if not copy_kept(run, digest, path):
            export_variant(name, path)
            keep(run, digest, path)

    return export


def _export_all(
    names: Sequence[str], folder: Path, export_variant: ExportVariant
) -> tuple[list[WrittenVariant], dict[str, str]]:
    done: list[WrittenVariant] = []
    refused: dict[str, str] = {}
    for name in names:
        variant = find_variant(name)
        path = folder / name / f"{MODEL_NAME}{variant.suffix}"
        path.parent.mkdir()
        try:
            export_variant(name, path)
        except ModelError as error:
            if name == REFERENCE:
                raise
            refused[name] = str(error).replace(f"{folder}{os.sep}", "")
            shutil.rmtree(path.parent)
            continue
        file, graph = SealedFile.read(path), GraphRun(path)
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        state = {key: tuple(value.shape[1:]) for key, value in graph.zero_state(1).items()}
        done.append(
            WrittenVariant(
                variant=variant,
                file=path.relative_to(folder).as_posix(),
                file_bytes=path.stat().st_size,
                digest=file.digest,
                spec=ModelSpec.from_metadata(sidecar, path=path),
                state=state,
                figures=VariantFigures.from_metadata(sidecar),
                fixed_steps=graph.one_step,
            )
        )
    return done, refused


def _frames(spec: ModelSpec, model: Path, real: Path | None) -> tuple[NDArray[np.uint8], int]:
    """Sequences for the golden vectors, and how many of their frames are pictures of the run's own recordings."""
    session = ModelSession(model, device="cpu", threads=1)
    frames = drawn_frames(spec.size_wh, window=spec.window) if real is None else np.load(real, allow_pickle=False)
    chosen = choose_sequences(onnx_rows(session, frames), frames, window=spec.window)
    return chosen, 0 if real is None else chosen.shape[0] * chosen.shape[1]


def _write_vectors(one: WrittenVariant, folder: Path, frames: NDArray[np.uint8]) -> None:
    path, limit = folder / one.file, _CPU_LIMITS.get(one.variant.name, _EXACT_LIMIT)
    elsewhere = max(limit, _ELSEWHERE_LIMIT)
    write_vectors(
        GraphRun(path), one.spec, frames, path.parent, digest=one.digest, limit=limit, elsewhere_limit=elsewhere
    )


def _write_rest(facts: HandoffFacts, folder: Path, confusion: Path) -> None:
    write_pictures(facts.spec, folder / PICTURES_FOLDER)
    shutil.copyfile(confusion, folder / CONFUSION_FILE)
    for name, text in (
        (LABELS_FILE, "".join(f"{label}\n" for label in facts.spec.labels)),
        (CARD_FILE, model_card(facts)),
        (README_FILE, guide(facts)),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    sums = "".join(f"{digest}  {path}\n" for path, digest in sums_of(folder).items())
    (folder / SUMS_FILE).write_text(sums, encoding="utf-8")


def copy_kept(run: Path, digest: str, path: Path) -> bool:
    """Copy the kept file to `path`, its sidecar beside it, and return whether there was one.

    Args:
        run: The run's folder.
        digest: Digest of the float32 file it was made from.
        path: Path to copy the file to.
    """
    kept = _kept_path(run, digest, path.suffix)
    try:
        file = SealedFile.read(kept)
    except ModelError:
        return False
    if file.stamped != file.digest:  # not as it was kept
        return False
    shutil.copyfile(kept, path)
    shutil.copyfile(kept.with_suffix(".json"), path.with_suffix(".json"))
    return True


def keep(run: Path, digest: str, path: Path) -> None:
    """Keep a file that was just made, if the run's folder can be written to."""
    if not os.access(run, os.W_OK):
        return
    kept = _kept_path(run, digest, path.suffix)
    with writing(kept):
        kept.parent.mkdir(exist_ok=True)
        # The sidecar last: without it the file does not count.
        for suffix in (path.suffix, ".json"):
            partial = kept.with_suffix(f"{suffix}.part")
            shutil.copyfile(path.with_suffix(suffix), partial)
            os.replace(partial, kept.with_suffix(suffix))


def _kept_path(run: Path, digest: str, suffix: str) -> Path:
    # Not the package's version: onnxruntime-gpu is another package.
    versions = (importlib.metadata.version("framestream"), runtime_version())
    return run / KEPT_FOLDER / f"{digest.partition(':')[2][:16]}-{'-'.join(versions).replace('.', '_')}{suffix}"
