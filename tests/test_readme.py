"""Everything README.md shows is run here, as written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
SET_UP = [code for language, code in BLOCKS if code.startswith("python3 -m venv")]
SHELL = [code for language, code in BLOCKS if language == "sh" and code not in SET_UP]
PYTHON = [code for language, code in BLOCKS if language == "python"]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder to run commands in, with the repository's samples."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_two_set_up_commands_are_there() -> None:
    assert len(SET_UP) == 2
    assert "framestream watch samples/" in SET_UP[0]
    assert ".venv/bin/pytest -n 2" in SET_UP[1]


def test_files_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 6
    assert [link for link in links if not (ROOT / link).exists()] == []


def _as_parameter(code: str) -> object:
    marks = [pytest.mark.long] if "framestream train" in code or "framestream bench" in code else []
    return pytest.param(code, id=" ".join(code.split()[:3]), marks=marks)


@pytest.mark.parametrize("code", [_as_parameter(code) for code in SHELL])
def test_shell_commands_run(workplace: Path, code: str) -> None:
    if "framestream train" in code:
        pytest.importorskip("tensorflow")
    output = _run(["bash", "-euo", "pipefail", "-c", code], workplace)
    if "jsonl" in code:
        assert '"type": "end"' in (workplace / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    elif "doctor" in code:
        assert "CPUExecutionProvider" in output
        assert "new prediction" in output
    elif "train" not in code:
        assert re.search(r"^(?:\S+  )?\d\d:\d\d\.\d\d – \d\d:\d\d\.\d\d  \S+  \d\.\d\d$", output, flags=re.MULTILINE)


@pytest.mark.parametrize("code", PYTHON, ids=["watch", "many", "push"])
def test_python_programs_run(workplace: Path, code: str) -> None:
    output = _run([sys.executable, "-c", code], workplace)
    assert ("fell at" in output) if "fell" in code else ("since" in output)


def test_the_picture_of_a_film_can_be_drawn(workplace: Path) -> None:
    _run([sys.executable, "samples/film_strip.py", "samples/kiosk.webm", "strip.png"], workplace)
    assert (workplace / "strip.png").stat().st_size > 20_000
