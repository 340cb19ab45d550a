"""Pictures scaled in JavaScript are those that FrameStream scales."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from framestream.sampling.resize import fit_frame
from tests.consumers.comparison import CONSUMERS

SIZES = [(256, 192), (640, 480), (1283, 717), (96, 96), (192, 192), (97, 101), (64, 48), (50, 300), (1, 1)]
PROGRAM = """
import { readFileSync, writeFileSync } from "node:fs";
const { fitPicture } = await import(process.argv[1]);
const [width, height, channels] = process.argv.slice(2, 5).map(Number);
const data = readFileSync(process.argv[5]);
writeFileSync(process.argv[6], fitPicture({ data, width, height, channels }, 96, 80));
"""


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size_wh", SIZES, ids=str)
def test_scaling(size_wh: tuple[int, int], channels: int, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here")
    width, height = size_wh
    image = np.random.default_rng(7).integers(0, 256, (height, width, channels), dtype=np.uint8)
    image.tofile(tmp_path / "in")
    module = (CONSUMERS / "browser" / "framestream" / "picture.js").as_uri()
    arguments = [module, str(width), str(height), str(channels), str(tmp_path / "in"), str(tmp_path / "out")]
    subprocess.run([node, "--input-type=module", "-e", PROGRAM, *arguments], check=True, timeout=60)
    found = np.fromfile(tmp_path / "out", np.uint8).reshape(80, 96, 3)
    wanted = fit_frame(image, size_wh=(96, 80), color="rgb")
    # Bilinear scaling rounds its weights in OpenCV; halves may go up there, to the even number here.
    difference = np.abs(found.astype(int) - wanted.astype(int))
    assert difference.max() <= 1
    assert difference.mean() < 0.15
