"""Python, OpenVINO and Node programs that do not use FrameStream say what FrameStream says."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from framestream.model.spec import ModelSpec
from tests.conftest import WriteVideo
from tests.consumers.comparison import CONSUMERS, DEFAULT_MODEL, KIOSK, assert_same, run_consumer, watch
from tests.consumers.conftest import cut_film, require_modules
from tests.tiny_model import make_spec, write_model

PYTHON = CONSUMERS / "python"

# Cuts of a sample that try the clock (a pause that is held, one that is a gap, uneven frames) and the scaling.
CUTS = {
    "pause": "select=not(between(n\\,60\\,85)),setpts=PTS",
    "gap": "setpts=if(gte(N\\,70)\\,PTS+8/TB\\,PTS)",
    "uneven": "select=not(mod(n*n\\,7)-1)+lt(mod(n\\,9)\\,4)",
    "large": "scale=640:360",
    "small": "scale=80:60",
}
# Where a consumer scales by itself, a pixel here and there rounds the other way than OpenCV: few that are averaged,
# more that are interpolated.
ROUNDING = {"large": 1e-3, "small": 1e-2}


def python_command() -> list[str | Path]:
    return [sys.executable, PYTHON / "watch_film.py"]


def openvino_command() -> list[str | Path]:
    pytest.importorskip("openvino")
    return [sys.executable, PYTHON / "watch_film_openvino.py"]


def node_command() -> list[str | Path]:
    require_modules("node")
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node here")
    return [program, CONSUMERS / "node" / "watch-film.js"]


Command = Callable[[], list[str | Path]]
COMMANDS = [python_command, openvino_command, node_command]
every_program = pytest.mark.parametrize("command", COMMANDS, ids=["python", "openvino", "node"])
# Both Python programs read, scale and time films with the same modules: OpenVINO's own is what becomes of the state.
own_modules = pytest.mark.parametrize("command", [python_command, node_command], ids=["python", "node"])


def write_tiny(folder: Path, spec: ModelSpec) -> Path:
    """A model that is no product, with its sidecar."""
    path = folder / "tiny.onnx"
    write_model(path, spec)
    path.with_suffix(".json").write_text(json.dumps(spec.to_metadata()), encoding="utf-8")
    return path


@every_program
def test_a_whole_film(command: Command) -> None:
    wanted = watch(DEFAULT_MODEL, KIOSK)
    assert sum(record["type"] == "event" for record in wanted) >= 8
    assert_same(run_consumer([*command(), DEFAULT_MODEL, KIOSK]), wanted)


CUTS_OF_PROGRAMS = [
    pytest.param(command, cut, id=f"{cut}-{name}")
    for name, command, cuts in (
        ("python", python_command, CUTS),
        ("openvino", openvino_command, ("pause", "gap")),
        ("node", node_command, CUTS),
    )
    for cut in cuts
]


@pytest.mark.parametrize(("command", "cut"), CUTS_OF_PROGRAMS)
def test_awkward_films(command: Command, cut: str, ffmpeg: str, films: Path) -> None:
    program = command()
    film = films / f"{cut}.mkv"
    if not film.exists():
        # Lossless and RGB: everybody decodes it to the same bytes.
        encoding = ["-fps_mode", "passthrough", "-c:v", "ffv1", "-pix_fmt", "bgr0"]
        cut_film(ffmpeg, film, "-vf", f"trim=end_frame=200,{CUTS[cut]}", *encoding)
    wanted = watch(DEFAULT_MODEL, film)
    assert any(record["type"] == "event" for record in wanted)
    assert_same(run_consumer([*program, DEFAULT_MODEL, film]), wanted, score=ROUNDING.get(cut, 1e-4))


@every_program
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_both_kinds_of_models(command: Command, kind: str, tmp_path: Path, write_video: WriteVideo) -> None:
    model = write_tiny(tmp_path, make_spec(kind=kind))
    film = write_video(["blue"] * 20 + ["red"] * 25 + ["green"] * 15 + ["blue"] * 6, fps=20.0)
    wanted = watch(model, film)
    assert sum(record["type"] == "event" for record in wanted) >= 1
    assert_same(run_consumer([*command(), model, film]), wanted)


@own_modules
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_a_model_that_predicts_what_will_be(
    command: Command, kind: str, tmp_path: Path, write_video: WriteVideo
) -> None:
    model = write_tiny(tmp_path, replace(make_spec(kind=kind), anchor_frames=-8))
    film = write_video(["blue"] * 20 + ["red"] * 25 + ["blue"] * 40 + ["green"] * 15 + ["blue"] * 6, fps=20.0)
    wanted = watch(model, film)
    assert sum(record["type"] == "event" for record in wanted) >= 1
    assert_same(run_consumer([*command(), model, film]), wanted)


@own_modules
def test_a_film_shorter_than_a_window(command: Command, write_video: WriteVideo) -> None:
    film = write_video(["red", "green", "blue"], fps=10.0)
    wanted = watch(DEFAULT_MODEL, film)
    assert len([record for record in wanted if record["type"] == "prediction"]) == 1
    assert_same(run_consumer([*command(), DEFAULT_MODEL, film]), wanted, score=0.01)


def test_the_python_program_stands_alone_and_is_short() -> None:
    for path in sorted(PYTHON.glob("*.py")):
        imported = imports_of(path)
        assert imported.isdisjoint({"framestream", "framestream_export", "onnx"})
        # OpenCV does nothing but decode.
        assert ("cv2" in imported) == (path.name == "film.py")
    assert sum(lines_of_code(PYTHON / name) for name in ("watch_film.py", "predictions.py", "picture.py")) <= 80
    assert lines_of_code(PYTHON / "film.py") <= 30


def imports_of(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def lines_of_code(path: Path) -> int:
    """Lines that are neither empty, nor a comment, nor of a docstring."""
    text = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            documented.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in documented and line.strip() and line.strip()[0] != "#")
