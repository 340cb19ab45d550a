"""The part of the command export that writes a model repository for Triton."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framestream_export.cli_variants import measured

if TYPE_CHECKING:
    from framestream_export.convert import Exported, Exporter

_REFUSED = {
    "static": "it takes one camera and one frame, and Triton batches cameras",
    "ort": "Triton's ONNX Runtime backend reads .onnx files",
}


def check_served(variant: str, kind: str | None = None) -> None:
    """Refuse a variant that Triton cannot serve.

    Args:
        variant: Its name.
        kind: "window" or "stateful"; None where the run was not read yet.
    """
    reason = _REFUSED.get(variant)
    if variant == "no-lstm-op" and kind == "stateful":
        reason = "a stateful model without the LSTM operator takes one frame a run, and a request has any number"
    if reason is not None:
        raise click.UsageError(f"--triton with --variant {variant}: {reason}; choose another variant")


def serve(exporter: Exporter, run: Path, repository: Path, *, variant: str, made: Path | None) -> Iterator[str]:
    """Write the repository; yields lines that say what was measured, and how to serve it.

    Args:
        exporter: Of the run.
        run: Its folder, after which the model is called.
        repository: Where to.
        variant: What to serve.
        made: The file, if it was written already.
    """
    from framestream_export.triton.repository import copied, write_repository

    exported: list[Exported] = []
    make_model = copied(made) if made is not None else lambda path: exported.append(exporter.write(path, variant))
    done = write_repository(repository, run.resolve().name, make_model)
    for one in exported:
        yield from measured(one)
    yield str(done)
