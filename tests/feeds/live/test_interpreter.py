"""Which program is started to read a camera, where `sys.executable` is something else than a Python."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.promptness import PATIENCE_SECONDS
from tests.servers.web import MjpegCamera

# Says what became of a camera: the first statuses, until a prediction or the end.
WATCH = """
def watch(model, address):
    import json
    from framestream import Classifier, Prediction, Status
    with Classifier.load(model).watch_many({"camera": address}) as watch:
        for record in watch:
            if isinstance(record, (Prediction, Status)):
                print(json.dumps(record.to_dict()), flush=True)
            if isinstance(record, Prediction):
                break
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program that is no Python, and that notes when it is started."""
    path = tmp_path / "uwsgi"
    path.write_text(f"#!/bin/sh\necho started >> {tmp_path}/starts\nsleep 1\n")
    path.chmod(0o755)
    return path


def watched(model: Path, address: str, before: str, **variables: str) -> list[dict[str, Any]]:
    program = f"import sys\n{before}\n{WATCH}\nwatch(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(model), address],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **variables},
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("value", ["{stand_in}", "/bin/cat", "/bin/echo", "", "/nowhere/program"])
def test_an_interpreter_is_found(tmp_path: Path, model_path: Path, stand_in: Path, value: str) -> None:
    value = value.format(stand_in=stand_in)
    with MjpegCamera() as camera:
        told = watched(model_path, camera.url, f"sys.executable = {value!r}")
    assert told[-1]["type"] == "prediction"
    assert not (tmp_path / "starts").exists()


def test_one_of_the_prefix_is_found(model_path: Path, stand_in: Path) -> None:
    before = f"sys.executable = sys._base_executable = {str(stand_in)!r}"
    with MjpegCamera() as camera:
        assert watched(model_path, camera.url, before)[-1]["type"] == "prediction"
    assert not stand_in.with_name("starts").exists()


LOST = (
    "sys.executable = sys._base_executable = {stand_in!r}\n"
    "sys.prefix = sys.exec_prefix = sys.base_prefix = sys.base_exec_prefix = '/nowhere'"
)


def test_without_one_there_is_one_error_at_once(model_path: Path, stand_in: Path) -> None:
    with MjpegCamera() as camera:
        told = watched(model_path, camera.url, LOST.format(stand_in=str(stand_in)))
    assert [status["state"] for status in told] == ["connecting", "failed"]
    assert str(stand_in) in told[-1]["reason"]
    assert "FRAMESTREAM_PYTHON" in told[-1]["reason"]
    assert not stand_in.with_name("starts").exists()


def test_a_variable_names_one(model_path: Path, stand_in: Path) -> None:
    with MjpegCamera() as camera:
        before = LOST.format(stand_in=str(stand_in))
        told = watched(model_path, camera.url, before, FRAMESTREAM_PYTHON=sys.executable)
        assert told[-1]["type"] == "prediction"
        for wrong in ("/bin/cat", "/nowhere/python", str(stand_in)):
            told = watched(model_path, camera.url, before, FRAMESTREAM_PYTHON=wrong)
            assert [status["state"] for status in told] == ["connecting", "failed"]
            assert told[-1]["reason"].startswith(f"FRAMESTREAM_PYTHON is {wrong}, which is no Python")
    # Not even asked.
    assert not stand_in.with_name("starts").exists()


def test_one_of_another_version_is_none(tmp_path: Path, model_path: Path, stand_in: Path) -> None:
    other = tmp_path / "bin" / "python3"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho 3.1 cpython\n")
    other.chmod(0o755)
    before = LOST.format(stand_in=str(stand_in)).replace("/nowhere", str(tmp_path))
    with MjpegCamera() as camera:
        assert watched(model_path, camera.url, before)[-1]["state"] == "failed"


FROZEN = """#!{python}
import sys
sys.path[:] = {path!r}
sys.frozen, sys.executable, sys._base_executable = True, __file__, __file__
with open({starts!r}, "a") as file:
    print(*sys.argv[1:2], file=file)
import framestream
{support}
{watch}
if __name__ == "__main__":
    watch(*sys.argv[1:])
"""


def frozen_program(path: Path, *, support: str) -> Path:
    """A program that is its own `sys.executable`, as PyInstaller makes them."""
    text = FROZEN.format(
        python=sys.executable, path=sys.path, starts=str(path.with_name("starts")), support=support, watch=WATCH
    )
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_frozen_program_reads_by_itself(tmp_path: Path, model_path: Path) -> None:
    program = frozen_program(tmp_path / "program", support="framestream.freeze_support()")
    with MjpegCamera() as camera:
        command = [str(program), str(model_path), camera.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "prediction"
    assert (tmp_path / "starts").read_text().splitlines() == [str(model_path), "--framestream-reader"]


def test_a_frozen_program_that_does_not_say_so_is_never_started_again(tmp_path: Path, model_path: Path) -> None:
    program = frozen_program(tmp_path / "program", support="")
    with MjpegCamera() as camera:
        command = [str(program), str(model_path), camera.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    failed = json.loads(done.stdout.splitlines()[-1])
    assert failed["state"] == "failed"
    assert "framestream.freeze_support()" in failed["reason"]
    assert (tmp_path / "starts").read_text().splitlines() == [str(model_path)]


def test_in_other_programs_it_does_nothing() -> None:
    program = "import framestream; framestream.freeze_support(); print('went on')"
    command = [sys.executable, "-c", program, "--framestream-reader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    assert done.stdout == "went on\n"
