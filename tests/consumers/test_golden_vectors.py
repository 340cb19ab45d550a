"""Every consumer replays the golden vectors with code of its own: its scaling, its state from run to run."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.consumers import golden_folders
from tests.consumers.chromium import GPU_FLAGS, Chromium
from tests.consumers.comparison import CONSUMERS, KIOSK, assert_same, watch
from tests.consumers.conftest import require_modules
from tests.consumers.golden_folders import ELSEWHERE_LIMIT, LIMIT, VARIANT
from tests.servers.web import FileServer

Result = dict[str, Any]
Replay = Callable[[Path], tuple[int, list[Result]]]
"""Replays a hand-off folder: exit status, and results of the pictures and of each sequence."""

# Where no decision is asked for to the last digit, other arithmetic than the CPU's of ONNX Runtime came this near.
NEAR = 1e-4


def run_lines(command: Sequence[str | Path]) -> tuple[int, list[Result]]:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=200)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def cpp_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the C++ programs, built as their README says."""
    cmake = shutil.which("cmake")
    if cmake is None or shutil.which("c++") is None:
        pytest.skip("no CMake or no C++ compiler here")
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    library = next(require_modules("node").glob(f"onnxruntime-node/bin/*/linux/{machine}/libonnxruntime.so.1"), None)
    header = next(require_modules("cpp").rglob("onnxruntime_cxx_api.h"), None)
    if library is None or header is None:
        pytest.skip("no ONNX Runtime for C++ here")
    folder = tmp_path_factory.mktemp("cpp")
    # As a release archive of ONNX Runtime is laid out.
    release = tmp_path_factory.mktemp("onnxruntime")
    (release / "lib").mkdir()
    (release / "lib" / library.name).symlink_to(library)
    (release / "include").symlink_to(header.parent)
    flags = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror", f"-DONNXRUNTIME={release}"]
    for command in (
        [cmake, "-S", CONSUMERS / "cpp", "-B", folder, *flags],
        [cmake, "--build", folder, "-j2"],
    ):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> Replay:
    """A consumer's own program."""
    if request.param == "cpp":
        return cpp_replay(request.getfixturevalue("cpp_programs") / "replay")
    program: list[str | Path] = [sys.executable, CONSUMERS / "python" / "replay.py"]
    rest = []
    if request.param == "openvino":
        pytest.importorskip("openvino")
        rest = ["openvino"]
    if request.param == "node":
        require_modules("node")
        node = shutil.which("node")
        if node is None:
            pytest.skip("no Node here")
        program = [node, CONSUMERS / "node" / "replay.js"]
    return lambda folder: run_lines([*program, folder, VARIANT, *rest])


def cpp_replay(program: Path) -> Replay:
    """Run the C++ program, which reads no JSON: it gets sets and limit as arguments, sequence by sequence."""

    def run(folder: Path) -> tuple[int, list[Result]]:
        own = folder / VARIANT
        vectors = json.loads((own / "vectors.json").read_text())
        status, results = run_lines([program, "--pictures", *sorted((folder / "preprocess").glob("test_data_set_*"))])
        for sequence in vectors["sequences"]:
            sets = [own / f"test_data_set_{number}" for number in sequence["sets"]]
            code, (result,) = run_lines([program, own / vectors["model"], str(vectors["limit"]), *sets])
            status = max(status, code)
            results.append(result)
        return status, results

    return run


def assert_right(folder: Path, results: Sequence[Result], *, limit: float = NEAR) -> None:
    """Check by the figures, whatever the consumer says of them."""
    vectors = json.loads((folder / VARIANT / "vectors.json").read_text())
    window = int(json.loads((folder / VARIANT / "model.json").read_text())["framestream.window"])
    pictures, *sequences = results
    assert (pictures["sets"], pictures["passed"]) == (5, True)
    assert pictures["off"] <= 1
    assert len(sequences) == len(vectors["sequences"]) == 2
    for found, sequence, cameras in zip(sequences, vectors["sequences"], (1, 2), strict=True):
        assert found["sets"] == len(sequence["sets"])
        # Streams of 24 frames or more; those before the first whole window are no predictions.
        assert found["answers"] % cameras == 0
        assert found["answers"] // cameras >= 24 - (window - 1)
        assert found["off"] <= limit
        assert found["limit"] in (LIMIT, ELSEWHERE_LIMIT)
        assert (found["other_decisions"], found["first_difference"], found["passed"]) == (0, None, True)


MODELS = ("default", "keypoints", "lstm", "int8-lstm")
# OpenVINO is run by the Python program, which scales, chains and compares with the same code.
OWN_PROGRAMS = ("python", "node", "cpp")


@pytest.mark.parametrize("replay", [*OWN_PROGRAMS, "openvino"], indirect=True)
@pytest.mark.parametrize("name", MODELS)
def test_golden_vectors(replay: Replay, handoffs: dict[str, Path], name: str) -> None:
    status, results = replay(handoffs[name])
    assert_right(handoffs[name], results)
    assert status == 0


LIES = {
    "states swapped": (golden_folders.swap_states, "test_data_set_0: next_"),
    "another probability": (golden_folders.change_probability, "test_data_set_5: probabilities"),
    "another picture": (golden_folders.change_picture, None),
}


# For OpenVINO the limit is another one, and that is all.
LIES_TOLD = [*[(program, lie) for program in OWN_PROGRAMS for lie in LIES], ("openvino", "another probability")]


@pytest.mark.parametrize(("replay", "lie"), LIES_TOLD, indirect=["replay"])
def test_what_is_not_right_is_found(replay: Replay, handoffs: dict[str, Path], lie: str, tmp_path: Path) -> None:
    folder = shutil.copytree(handoffs["lstm"], tmp_path / "handoff")
    tell, where = LIES[lie]
    tell(folder)
    status, (pictures, *sequences) = replay(folder)
    assert status == 1
    assert pictures["passed"] is (where is not None)
    assert sequences[0]["passed"] is (where is None)
    assert (sequences[0]["first_difference"] or "").startswith(where or "")


# The web page


@pytest.fixture
def site(handoffs: dict[str, Path], tmp_path: Path) -> FileServer:
    """The page, and hand-off folders beside it."""
    require_modules("browser")
    root = tmp_path / "site"
    root.mkdir()
    (root / "page").symlink_to(CONSUMERS / "browser")
    for name, folder in handoffs.items():
        (root / name).symlink_to(folder)
    return FileServer(root)


def replay_in_page(page: Chromium, address: str) -> tuple[str, list[Result]]:
    """What the model ran on, and results."""
    page.open(address)
    page.wait_for("/^(All|Different|Stopped)/.test(document.getElementById('status').textContent)", timeout=120)
    rows = page.evaluate("[...document.querySelectorAll('#results tr')].map((row) => row.dataset.result)")
    return str(page.evaluate("document.getElementById('backend').innerText")), [json.loads(row) for row in rows]


@pytest.mark.long
def test_golden_vectors_in_a_browser(
    site: FileServer, handoffs: dict[str, Path], chromium_program: str, tmp_path: Path
) -> None:
    with site as server, Chromium(chromium_program, tmp_path / "profile", *GPU_FLAGS) as page:
        for name, backend, where in (
            ("default", "wasm", "WebAssembly"),
            ("lstm", "wasm", "WebAssembly"),
            ("int8-lstm", "wasm", "WebAssembly"),
            ("default", "webgpu", "in software"),
        ):
            address = server.url(f"page/replay.html?handoff=/{name}&backend={backend}")
            runs_on, results = replay_in_page(page, address)
            assert where in runs_on
            assert_right(handoffs[name], results)
            assert page.evaluate("document.getElementById('status').textContent") == "All as it should be"
        assert page.problems == []
        page.open(server.url("page/replay.html?handoff=/nowhere"))
        page.wait_for("document.getElementById('error').innerText.includes('/nowhere/SHA256SUMS is not there (404)')")


def test_a_browser_finds_what_is_not_right(
    site: FileServer, handoffs: dict[str, Path], chromium_program: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(handoffs["lstm"], tmp_path / "site" / "lie")
    golden_folders.swap_states(folder)
    golden_folders.change_picture(folder)
    with site as server, Chromium(chromium_program, tmp_path / "profile") as page:
        _, results = replay_in_page(page, server.url("page/replay.html?handoff=/lie"))
        assert [result["passed"] for result in results] == [False, False, False]
        assert results[1]["first_difference"].startswith("test_data_set_0: next_")
        assert page.evaluate("document.getElementById('status').textContent").startswith("Different")


# The C++ program, which reads raw frames


@pytest.mark.parametrize("anchor_frames", [8, -10], ids=["what is seen", "what will be"])
def test_raw_frames_in_cpp(cpp_programs: Path, ffmpeg: str, anchor_frames: int, tmp_path: Path) -> None:
    proto = onnx.load(str(golden_folders.DEFAULT_MODEL))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    onnx.helper.set_model_props(proto, metadata | {"framestream.anchor_frames": str(anchor_frames)})
    model = tmp_path / "model.onnx"
    onnx.save(proto, str(model))
    decode = [ffmpeg, "-v", "error", "-i", KIOSK, "-vf", "format=rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run([*map(str, decode)], capture_output=True, check=True, timeout=100).stdout
    program = [str(cpp_programs / "watch_frames"), str(model), "256", "192", "20"]
    done = subprocess.run(program, input=raw, capture_output=True, check=True, timeout=200)
    assert_same([json.loads(line) for line in done.stdout.splitlines()], watch(model, KIOSK))
    for few in (raw[: 3 * 256 * 192 * 3], b""):
        done = subprocess.run(program, input=few, capture_output=True, timeout=60)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        assert (done.returncode, len(records)) == ((0, 1) if few else (1, 0)), done.stderr
