"""A model file and its sidecar as `verify` finds them, before anything is run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framestream.errors import ModelError, ModelNotFoundError
from framestream.model.model_file import DIGEST_KEY, ORT_SUFFIX, digest_of, external_files, stamped_digest
from framestream_export.verification.checks import Check


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A model file, its digest and its sidecar.

    Attributes:
        path: Path of the model.
        digest: Digest of the file as it is now.
        stamped: The digest that was stamped into it at export; None if it has none.
        sidecar: The JSON file beside it, as a dictionary; None if there is none that can be read.
        elsewhere: Names of other files that weights are in; the digest knows nothing of them.
    """

    path: Path
    digest: str
    stamped: str | None
    sidecar: dict[str, Any] | None
    elsewhere: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> SealedFile:
        """Read a model file and its sidecar.

        Raises:
            ModelError: The file does not exist, or is no ONNX model.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise ModelNotFoundError(f"{path}: no such model file; check the path") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read ({error}); check the path and its permissions") from error
        sidecar = _read_sidecar(path.with_suffix(".json"))
        if path.suffix.lower() == ORT_SUFFIX:
            # The .ort format has no field that could be left out of the hash: the digest is in the sidecar.
            stamped = None if sidecar is None else sidecar.get(DIGEST_KEY)
            return cls(path, f"sha256:{hashlib.sha256(content).hexdigest()}", stamped, sidecar)
        try:
            elsewhere = tuple(sorted(set(external_files(content))))
            return cls(path, digest_of(content), stamped_digest(content), sidecar, elsewhere)
        except ModelError as error:
            raise ModelError(f"{path} is not an ONNX model ({error})") from error

    @property
    def changed(self) -> bool:
        """Whether it is known that the file is not as it was exported."""
        return self.stamped is not None and self.stamped != self.digest

    def check(self) -> Check:
        """Check that the file is as it was exported."""
        if self.elsewhere:
            measured = f"weights in another file ({self.elsewhere[0]}), which no digest covers; export it again"
        elif self.stamped is None:
            measured = "no digest in it: written by an older version, or taken out; export it again"
        elif self.changed:
            measured = (
                f"changed after it was exported: weights, graph or metadata are not those of {_short(self.stamped)}"
            )
        else:
            measured = _short(self.digest)
        passed = self.stamped == self.digest and not self.elsewhere
        return Check("unchanged since export", measured, "the digest in its metadata", passed)


def _read_sidecar(path: Path) -> dict[str, Any] | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def _short(digest: str) -> str:
    return f"{digest[:19]}…"
