"""The last thing done to a model: its metadata are written, and a digest of all of it, so that changes are found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from onnx import helper

from framestream.model.model_file import DIGEST_KEY, digest_of


def sealed(proto: Any, metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of an ONNX file: a graph, its metadata, and the digest of both.

    Args:
        proto: The model, an onnx.ModelProto; its own metadata are replaced.
        metadata: Flat strings, `framestream.` included; a digest among them is replaced.
    """
    facts = {key: value for key, value in metadata.items() if key != DIGEST_KEY}
    helper.set_model_props(proto, facts)
    digest = digest_of(proto.SerializeToString(deterministic=True))
    helper.set_model_props(proto, {**facts, DIGEST_KEY: digest})
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def sidecar_of(proto: Any) -> str:
    """The metadata of a sealed ONNX model as the text of its sidecar."""
    return sidecar_text({entry.key: entry.value for entry in proto.metadata_props})


def sidecar_of_bytes(metadata: Mapping[str, str], content: bytes) -> str:
    """The sidecar of a file that is in another format than ONNX: its digest is that of the whole file."""
    return sidecar_text({**metadata, DIGEST_KEY: f"sha256:{hashlib.sha256(content).hexdigest()}"})


def sidecar_text(metadata: Mapping[str, str]) -> str:
    """Metadata as one JSON object."""
    return json.dumps(dict(metadata), indent=2, ensure_ascii=False) + "\n"
