"""Films that try a consumer, and the runtimes it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.consumers.chromium import find_chromium
from tests.consumers.comparison import CONSUMERS, KIOSK


def require_modules(consumer: str) -> Path:
    """The packages of a JavaScript consumer, which `npm ci` installs; without them its tests are skipped."""
    folder = CONSUMERS / consumer / "node_modules"
    if not folder.is_dir():
        pytest.skip(f"run npm ci in {folder.parent}")
    return folder


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """The browser."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here")
    return program


def cut_film(ffmpeg: str, path: Path, *options: str) -> Path:
    """Write a film made from one of the samples."""
    subprocess.run([ffmpeg, "-v", "error", "-i", str(KIOSK), *options, str(path)], check=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for films, cut as tests ask for them."""
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="session")
def handoffs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Hand-off folders by what they hold; read only."""
    from tests.consumers import golden_folders  # needs onnx, which not every consumer's test does

    made = tmp_path_factory.mktemp("golden")
    return {
        "default": golden_folders.write_default(made / "default"),
        "keypoints": golden_folders.write_keypoints(made / "keypoints"),
        "lstm": golden_folders.write_lstm(made / "lstm"),
        "int8-lstm": golden_folders.write_int8_lstm(made / "int8-lstm"),
    }
