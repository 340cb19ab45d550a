"""The runtime never loads the training side, and costs nothing heavy to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import WriteVideo

SOURCES = Path(__file__).parents[1]
# Where the int8 quantiser may come from; it opens no model of ours by itself.
MAY_QUANTISE = {"int8.py", "calibration.py"}
TRAINING_SIDE = {"tensorflow", "keras", "tf2onnx", "onnx", "framestream_export"}


def modules_after(program: str, *arguments: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter by the end of a program."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            program + "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_framestream_loads_nothing_else() -> None:
    loaded = modules_after("import framestream")
    assert "framestream" in loaded
    assert loaded & (TRAINING_SIDE | {"onnxruntime", "click", "rich", "numpy", "cv2"}) == set()


def test_the_classifier_loads_no_engine_before_there_is_a_model() -> None:
    loaded = modules_after("from framestream import Classifier")
    assert {"framestream", "numpy", "cv2"} <= loaded
    assert loaded & (TRAINING_SIDE | {"onnxruntime", "click", "rich"}) == set()


def test_a_watch_from_the_command_line_loads_no_training_side(model_path: Path, write_video: WriteVideo) -> None:
    program = "import sys; from framestream.cli.main import run; assert run(sys.argv[1:]) == 0"
    loaded = modules_after(program, "watch", str(write_video(["red"] * 60)), "--model", str(model_path))
    assert "onnxruntime" in loaded
    assert loaded & TRAINING_SIDE == set()


def test_a_reader_loads_what_its_camera_needs() -> None:
    heavy = TRAINING_SIDE | {"onnxruntime", "click", "rich", "cv2", "av"}
    assert modules_after("import framestream.feeds.live.reader.program") & (heavy | {"numpy"}) == set()
    shrink = "fit_frame(np.zeros((480, 640, 3), np.uint8), size_wh=(96, 96))"
    program = (
        "import framestream.feeds.live.reader.reading, numpy as np; from framestream.sampling.resize import fit_frame; "
    )
    loaded = modules_after(program + shrink)
    assert "numpy" in loaded
    assert loaded & (heavy | {"ssl", "subprocess"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_the_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = "import sys; from framestream.cli.main import run; assert run(sys.argv[1:]) == 0"
    loaded = modules_after(program, *arguments)
    assert "click" in loaded
    assert loaded & (TRAINING_SIDE | {"onnxruntime", "numpy", "cv2", "av", "rich"}) == set()


def test_one_module_opens_graphs() -> None:
    """Errors, threads and what is printed are then the same everywhere, and so is a missing ONNX Runtime."""
    opening, found = SOURCES / "framestream" / "model" / "onnx_runtime.py", []
    for package in (SOURCES / "framestream", SOURCES / "export" / "framestream_export"):
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                opens = isinstance(node, ast.Attribute) and node.attr == "InferenceSession"
                if opens or any(name.split(".")[0] == "onnxruntime" for name in names):
                    found.append(path)
    assert opening in found, "a test that finds nothing would prove nothing"
    assert {path for path in found if path.name not in MAY_QUANTISE} == {opening}


def test_the_runtime_never_looks_at_the_clock_on_the_wall() -> None:
    """That clock may jump by years; whatever waits or measures goes by one that cannot."""
    clocks = {
        "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime"},
        "datetime": {"now", "utcnow", "today"},
    }
    found: list[str] = []
    monotonic = 0
    for path in (SOURCES / "framestream").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                monotonic += (node.value.id, node.attr) == ("time", "monotonic")
                if node.attr in clocks.get(node.value.id, ()):
                    found.append(f"{path}:{node.lineno}")
            elif isinstance(node, ast.ImportFrom) and node.module in clocks:
                found.append(f"{path}:{node.lineno}")
    assert monotonic > 10, "a test that finds nothing would prove nothing"
    assert found == []
