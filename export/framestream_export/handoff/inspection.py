"""Checking a hand-off folder: that all of it is there and unchanged, and every variant in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from framestream.errors import DataError, ModelError
from framestream.model.model_file import ORT_SUFFIX
from framestream.model.onnx_runtime import CPU
from framestream.model.session import ModelSession
from framestream_export.handoff.folder_layout import LABELS_FILE, PICTURES_FOLDER, SUMS_FILE
from framestream_export.verification.checks import Check
from framestream_export.verification.pictures import replay_pictures
from framestream_export.verification.vectors import VECTORS_FILE
from framestream_export.verification.verifier import verify

_FACTS = (
    *("labels", "background", "frame_rate", "window", "anchor_frames", "size_wh", "state_names"),
    *("training_fingerprint", "created"),
)


def inspect_handoff(
    folder: Path, *, run: Path | None = None, provider: str = CPU
) -> Iterator[tuple[str | None, Sequence[Check]]]:
    """Check a hand-off folder; yields a title and the checks under it.

    Args:
        folder: Folder that `framestream export --handoff` wrote, or one variant's folder inside.
        run: The run it came from; adds the comparison with Keras.
        provider: The execution provider that replays the golden vectors.

    Raises:
        DataError: The folder is no hand-off folder, or a file in it cannot be read.
        ModelError: A single variant's folder was given, and its model cannot be used at all.
        ProviderError: This ONNX Runtime has no such provider.
    """
    if (folder / VECTORS_FILE).is_file():
        yield folder.name, verify(find_model(folder), run=run, provider=provider)
        return
    if not (folder / SUMS_FILE).is_file():
        raise DataError(f"{folder} is no hand-off folder: no {SUMS_FILE} in it; give a model file, or such a folder")
    variants = [item.parent for item in sorted(folder.glob(f"*/{VECTORS_FILE}"))]
    if not variants:
        raise DataError(f"{folder} holds no variant of a model; get the hand-off folder again")
    yield folder.name, [_sums(folder), replay_pictures(folder / PICTURES_FOLDER), _one_model(folder, variants)]
    for variant in variants:
        try:
            yield variant.name, verify(find_model(variant), run=run, provider=provider)
        except ModelError as error:  # the other variants are checked all the same
            yield variant.name, [Check("can be used", str(error), "as exported", False)]


def find_model(folder: Path) -> Path:
    """The model in a variant's folder.

    Raises:
        DataError: The folder holds no model, or more than one.
    """
    found = sorted(item for item in folder.iterdir() if item.suffix in (".onnx", ORT_SUFFIX))
    if len(found) != 1:
        raise DataError(f"{folder} holds {len(found)} models instead of one; get the hand-off folder again")
    return found[0]


def sums_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file in a folder, by path, without SHA256SUMS itself."""
    files = sorted(item for item in folder.rglob("*") if item.is_file() and item != folder / SUMS_FILE)
    return {item.relative_to(folder).as_posix(): hashlib.sha256(item.read_bytes()).hexdigest() for item in files}


def _sums(folder: Path) -> Check:
    name, limit = f"files as in {SUMS_FILE}", "all, and no others"
    lines = (folder / SUMS_FILE).read_text(encoding="utf-8").splitlines()
    listed = {path: digest for digest, _, path in (line.partition("  ") for line in lines) if path}
    found = sums_of(folder)
    for verb, paths in (
        ("missing", sorted(listed.keys() - found.keys())),
        ("not in the list", sorted(found.keys() - listed.keys())),
        ("changed", sorted(path for path in listed.keys() & found.keys() if listed[path] != found[path])),
    ):
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            return Check(name, f"{paths[0]}{more}: {verb}", limit, False)
    return Check(name, f"{len(found)} files", limit, True)


def _one_model(folder: Path, variants: Sequence[Path]) -> Check:
    """Whether all variants say they are one and the same model, with the labels of labels.txt."""
    name, limit = f"variants and {LABELS_FILE}: of one model", "the same facts"
    try:
        labels = tuple((folder / LABELS_FILE).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        return Check(name, f"{LABELS_FILE} cannot be read ({error})", limit, False)
    expected: dict[str, object] = {"labels": labels}
    for variant in variants:
        try:
            spec = ModelSession(find_model(variant), device="cpu").spec
        except ModelError:
            continue  # the check of that variant reports the error
        for fact in _FACTS:
            value = getattr(spec, fact)
            if value != expected.setdefault(fact, value):
                return Check(name, f"{variant.name} has another value of {fact}", limit, False)
    return Check(name, f"{len(labels)} labels, {len(variants)} variants", limit, True)
