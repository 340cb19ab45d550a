"""A model repository on disk: what `tritonserver --model-repository` is pointed to.

::

    REPOSITORY/NAME/config.pbtxt
    REPOSITORY/NAME/labels.txt
    REPOSITORY/NAME/1/model.onnx     and beside it its sidecar, which Triton does not look at
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framestream.errors import SettingsError
from framestream.model.spec import KEY_PREFIX, ModelSpec
from framestream_export.files import make_writable, writing
from framestream_export.triton.config import LABELS_FILE, TritonSettings, config_text
from framestream_export.triton.served_model import ServedModel

CONFIG_FILE = "config.pbtxt"
MODEL_FILE = "model.onnx"
VERSION = "1"
_MARK = f'key: "{KEY_PREFIX}spec_version"'


@dataclass(frozen=True, slots=True)
class Repository:
    """A Triton model repository that was written.

    Attributes:
        path: The folder for `tritonserver --model-repository`.
        name: The model's name on the server.
        spec: The metadata of the model.
    """

    path: Path
    name: str
    spec: ModelSpec

    def __str__(self) -> str:
        """Say where the model is and how to serve it."""
        return f"{self.path / self.name}: serve it with `tritonserver --model-repository={self.path}`"


def write_repository(
    repository: Path, name: str, make_model: Callable[[Path], object], *, serving: TritonSettings | None = None
) -> Repository:
    """Put a model into a repository, or leave the repository as it was.

    A model of ours that has this name is replaced; other models in the repository are left alone.

    Args:
        repository: The folder; made if need be.
        name: The model's name on the server, made fit for a folder.
        make_model: Writes the ONNX file to the path it is given; it may write a sidecar beside it.
        serving: How Triton shall serve the model.

    Raises:
        SettingsError: The repository cannot be written, or would replace what FrameStream did not write.
        ModelError: Triton could not serve the model.
    """
    name = served_name(name)
    target = repository / name
    if target.exists() and not _is_ours(target):
        raise SettingsError(f"{target} exists and is no model of ours; move it, or give another --triton DIR")
    make_writable(repository)
    # Nobody must ever find half a model, so it is made under another name on the same disk.
    with writing(target), tempfile.TemporaryDirectory(prefix=".part.", dir=repository) as made:
        folder, replaced = Path(made) / name, Path(made) / "replaced"
        (folder / VERSION).mkdir(parents=True)
        make_model(folder / VERSION / MODEL_FILE)
        model = ServedModel.read(folder / VERSION / MODEL_FILE)
        text = config_text(name, model, serving or TritonSettings())
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
        labels = "".join(f"{label}\n" for label in model.spec.labels)
        (folder / LABELS_FILE).write_text(labels, encoding="utf-8")
        if target.exists():
            os.replace(target, replaced)
        try:
            os.replace(folder, target)
        except OSError:
            if replaced.exists():
                os.replace(replaced, target)
            raise
    return Repository(repository, name, model.spec)


def copied(model: Path) -> Callable[[Path], object]:
    """Return what copies a model that is there already, and its sidecar if it has one, for `write_repository`."""

    def copy(path: Path) -> None:
        shutil.copyfile(model, path)
        if model.with_suffix(".json").is_file():
            shutil.copyfile(model.with_suffix(".json"), path.with_suffix(".json"))

    return copy


def served_name(text: str) -> str:
    """Return a name that is fit for a folder and for an address."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-") or "framestream"


def _is_ours(folder: Path) -> bool:
    try:
        return _MARK in (folder / CONFIG_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
