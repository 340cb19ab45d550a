"""Bringing in TensorFlow and its company: only when needed, quietly, and with a line to type when they are missing."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from framestream.cores import usable_cores, visible_cores
from framestream.errors import MissingDependencyError

PAGE = ("jinja2", "matplotlib")
TRAINING = ("tensorflow", "keras", *PAGE)
EMBED = ("tensorflow", "keras", "onnx", "tf2onnx", "onnxruntime")
EXPORT = ("tensorflow", "keras", "onnx", "tf2onnx", "onnxruntime")
VERIFY = ("onnx", "onnxruntime")
EVALUATE = ("onnxruntime",)
_EXTRA_OF = {"onnxruntime": "cpu"}


def require(modules: tuple[str, ...]) -> None:
    """Import the modules, without the pages that TensorFlow writes to stderr while it starts.

    Raises:
        MissingDependencyError: A package is not installed; the message carries the pip line.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if usable_cores() < visible_cores():
        # TensorFlow sees cores, and no quotas.
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, str(usable_cores()))
    # Its Python side would print how often our functions are traced.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    for name in modules:
        try:
            with _quiet_stderr():
                importlib.import_module(name)
        except ModuleNotFoundError as error:
            extras = ",".join(sorted({"train", _EXTRA_OF.get(name, "train")}))
            raise MissingDependencyError(
                f'{name} is not installed; run: pip install "framestream[{extras}]"'
            ) from error


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: before its logger is set up, TensorFlow's C++ side heeds no log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
