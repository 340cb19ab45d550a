"""Raw pictures and what they must become before a model sees them: for whoever scales frames in another language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.model.spec import ModelSpec
from framestream.sampling.resize import fit_frame
from framestream_export.verification.checks import Check
from framestream_export.verification.tensor_files import DataSet, read_data_sets, write_data_set

RAW, FITTED = "picture", "frame"
_LIMIT = 1
_EDGE = 12


def write_pictures(spec: ModelSpec, folder: Path) -> int:
    """Write data sets, RGB uint8 [height, width, 3] each: a raw picture in, a frame of the model's size out."""
    pictures = list(_raw_pictures(spec))
    for number, picture in enumerate(pictures):
        fitted = fit_frame(picture, size_wh=spec.size_wh, color="rgb")
        write_data_set(folder, DataSet(number, {RAW: picture}, {FITTED: fitted}))
    return len(pictures)


def replay_pictures(folder: Path) -> Check:
    """Scale the raw pictures with this installation.

    Raises:
        DataError: A set cannot be read.
    """
    largest, count = 0, 0
    for data in read_data_sets(folder):
        wanted = data.outputs[FITTED]
        found = fit_frame(data.inputs[RAW], size_wh=(wanted.shape[1], wanted.shape[0]), color="rgb")
        largest = max(largest, int(np.abs(found.astype(int) - wanted.astype(int)).max()))
        count += 1
    passed = largest <= _LIMIT and count > 0
    return Check("golden pictures, scaled here", f"{largest}; {count} pictures", f"<= {_LIMIT} of 255", passed)


def _raw_pictures(spec: ModelSpec) -> Iterator[NDArray[np.uint8]]:
    """Pictures for each case of scaling: both sides shrink, by a whole number or not; one grows; none changes."""
    width, height = spec.size_wh
    sizes = (
        (2 * width, 2 * height),
        (width * 5 // 3 + 1, height * 4 // 3 + 1),
        (max(1, width // 2), 2 * height),
        (max(1, width * 2 // 3), max(1, height // 2)),
        (width, height),
    )
    rng = np.random.default_rng(0)
    for wide, high in sizes:
        rows, columns = np.mgrid[:high, :wide]
        slope = np.stack([255 * columns / wide, 255 * rows / high, 255 * (columns + rows) / (wide + high)], axis=-1)
        squares = ((columns // _EDGE + rows // _EDGE) % 2 == 0)[..., None]
        noise = rng.integers(-40, 41, slope.shape)
        yield np.clip(np.where(squares, slope, 255 - slope) + noise, 0, 255).astype(np.uint8)
