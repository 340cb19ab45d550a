"""The layout of ONNX's own backend tests: test_data_set_N/input_I.pb and output_I.pb, one TensorProto each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from framestream.errors import DataError
from framestream.model.session import Tensors

_FOLDER = re.compile(r"test_data_set_(\d+)")


@dataclass(frozen=True, slots=True)
class DataSet:
    """Inputs, and the outputs they must give; both in the graph's order."""

    number: int
    inputs: Tensors
    outputs: Tensors

    @property
    def name(self) -> str:
        """Name of the data set's folder."""
        return f"test_data_set_{self.number}"


def write_data_set(folder: Path, data: DataSet) -> None:
    """Write one set into its own folder below `folder`."""
    own = folder / data.name
    own.mkdir(parents=True)
    for side, tensors in (("input", data.inputs), ("output", data.outputs)):
        for index, (name, value) in enumerate(tensors.items()):
            proto = numpy_helper.from_array(np.ascontiguousarray(value), name)
            (own / f"{side}_{index}.pb").write_bytes(proto.SerializeToString(deterministic=True))


def read_data_sets(folder: Path) -> Iterator[DataSet]:
    """Read all sets in a folder, in the order of their numbers.

    Raises:
        DataError: A file cannot be read.
    """
    numbers = sorted(int(found[1]) for item in folder.iterdir() if (found := _FOLDER.fullmatch(item.name)))
    for number in numbers:
        own = folder / f"test_data_set_{number}"
        yield DataSet(number, _read_tensors(own, "input"), _read_tensors(own, "output"))


def has_data_sets(folder: Path) -> bool:
    """Whether a folder holds at least one data set."""
    return folder.is_dir() and any(_FOLDER.fullmatch(item.name) for item in folder.iterdir())


def _read_tensors(folder: Path, side: str) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    for index in range(len(list(folder.glob(f"{side}_*.pb")))):
        path = folder / f"{side}_{index}.pb"
        try:
            proto = onnx.TensorProto.FromString(path.read_bytes())
            if proto.external_data:
                raise ValueError("its data are in another file")
            tensors[proto.name] = numpy_helper.to_array(proto)
        except (DecodeError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path} is no tensor ({error}); get the hand-off folder again") from error
    if not tensors:
        raise DataError(f"{folder} has no {side}_0.pb; get the hand-off folder again")
    return tensors
