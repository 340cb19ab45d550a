"""The runtime never loads the training side, and costs nothing heavy to import."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import WriteVideo

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


def test_the_help_loads_neither_engine_nor_training_frameworks() -> None:
    program = "from framestream.cli.main import run; assert run(['--help']) == 0"
    assert modules_after(program) & {"tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"} == set()
