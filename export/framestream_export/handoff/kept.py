"""Files in ONNX Runtime's own format, kept with the run: it writes the same model in another order each time."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path

from framestream.errors import ModelError
from framestream.session import import_runtime
from framestream_export.run_folder import writing
from framestream_export.sealed_file import SealedFile

KEPT_FOLDER = "kept"


def copy_kept(run: Path, digest: str, path: Path) -> bool:
    """Put the kept file to `path`, its sidecar beside it; says whether there was one.

    Args:
        run: The run's folder.
        digest: Of the float32 file it was made from.
        path: Where it goes.
    """
    kept = _place(run, digest, path.suffix)
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
    kept = _place(run, digest, path.suffix)
    with writing(kept):
        kept.parent.mkdir(exist_ok=True)
        # The sidecar last: without it the file does not count.
        for suffix in (path.suffix, ".json"):
            partial = kept.with_suffix(f"{suffix}.part")
            shutil.copyfile(path.with_suffix(suffix), partial)
            os.replace(partial, kept.with_suffix(suffix))


def _place(run: Path, digest: str, suffix: str) -> Path:
    # Not the package's version: onnxruntime-gpu is another package.
    versions = (importlib.metadata.version("framestream"), str(import_runtime().__version__))
    return run / KEPT_FOLDER / f"{digest.partition(':')[2][:16]}-{'-'.join(versions).replace('.', '_')}{suffix}"
