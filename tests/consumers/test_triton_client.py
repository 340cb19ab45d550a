"""Sequences and the client sample, against a FAKE Triton server: there is no real one here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framestream import Classifier, Prediction
from framestream.model.session import ModelSession
from framestream_export.exporting.parity import onnx_rows
from framestream_export.verification.tensor_files import read_data_sets
from tests.consumers.golden_folders import LIMIT, VARIANT
from tests.consumers.triton_models import repository_of, write_lstm_model

triton = pytest.importorskip("tritonclient.grpc", exc_type=ImportError)

from tests.consumers.fake_triton import FakeTriton  # noqa: E402

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "export" / "consumers" / "triton_client.py"
DEFAULT_MODEL = ROOT / "framestream" / "models" / "default.onnx"
CLIPS = ROOT / "samples" / "clips"


@pytest.fixture(scope="module")
def lstm_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lstm") / "lstm.onnx"
    write_lstm_model(path)
    return path


@pytest.fixture(scope="module")
def client_program() -> ModuleType:
    """The client sample as a module."""
    specification = importlib.util.spec_from_file_location("triton_client", CLIENT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["triton_client"] = module
    specification.loader.exec_module(module)
    return module


def noise(cameras: int, steps: int, size: int = 8, seed: int = 0) -> NDArray[np.uint8]:
    """Frames whose mean colours differ from frame to frame: uint8 [cameras, steps, size, size, 3]."""
    colours = np.random.default_rng(seed).integers(0, 256, (cameras, steps, 1, 1, 3), dtype=np.uint8)
    return np.repeat(np.repeat(colours, size, axis=2), size, axis=3)


def infer(client: Any, sequence: int | str, frames: NDArray[np.uint8], **flags: Any) -> NDArray[np.float32]:
    """Send a request as any client may write it: frames are [cameras, steps, height, width, 3]."""
    tensor = triton.InferInput(flags.pop("input_name", "frames"), frames.shape, "UINT8")
    tensor.set_data_from_numpy(frames)
    result = client.infer("model", [tensor], sequence_id=sequence, **flags)
    probabilities: NDArray[np.float32] = result.as_numpy("probabilities")
    return probabilities


# Sequences


@pytest.fixture
def fake(tmp_path: Path, lstm_path: Path) -> Iterator[FakeTriton]:
    """The fake, serving the model with two states, room for two cameras."""
    repository = repository_of(lstm_path, tmp_path / "models", max_candidate_sequences=2)
    with FakeTriton(repository.path, "model") as server:
        yield server


@pytest.fixture
def client(fake: FakeTriton) -> Iterator[Any]:
    with triton.InferenceServerClient(fake.url) as made:
        yield made


def test_state_stays_on_the_server_and_apart_for_each_camera(client: Any, lstm_path: Path) -> None:
    frames = noise(2, 30)
    expected = onnx_rows(ModelSession(lstm_path, device="cpu"), frames)
    rows: list[list[NDArray[np.float32]]] = [[], []]
    for step in range(30):
        for camera, sequence in enumerate(["gate", 7]):
            some = frames[camera : camera + 1, step : step + 1]
            rows[camera].append(infer(client, sequence, some, sequence_start=step == 0, sequence_end=step == 29)[0])
    assert np.abs(np.stack([np.concatenate(camera) for camera in rows]) - expected).max() < 1e-5
    assert np.ptp(expected, axis=1).max() > 0.1, "the state must matter"


def test_a_sequence_starts_from_zeros_each_time(fake: FakeTriton, client: Any) -> None:
    frames = noise(1, 6)
    first = infer(client, 1, frames, sequence_start=True)
    assert np.abs(infer(client, 1, frames) - first).max() > 0.01, "carried on"
    assert fake.batcher.conflicts == []
    assert np.array_equal(infer(client, 1, frames, sequence_start=True, sequence_end=True), first)
    assert fake.batcher.conflicts == [1], "started again without an end, about which Triton logs a warning"
    assert np.array_equal(infer(client, 1, frames, sequence_start=True), first)
    assert fake.batcher.conflicts == [1]


def test_requests_that_break_the_protocol_are_refused(fake: FakeTriton, client: Any) -> None:
    frames = noise(1, 2)
    for sequence, given_frames, flags, message in [
        (1, frames, {}, "sequence 1 to model 'model' must specify the START flag"),
        (0, frames, {"sequence_start": True}, "non-zero or non-empty correlation ID"),
        (1, noise(2, 2), {"sequence_start": True}, "must specify batch-size 1"),
        (1, frames[:, :, :4], {"sequence_start": True}, r"unexpected UINT8 \[1, 2, 4, 8, 3\] for input 'frames'"),
        (1, frames, {"sequence_start": True, "input_name": "hidden"}, "unexpected inference input 'hidden'"),
        (
            1,
            frames,
            {"sequence_start": True, "outputs": [triton.InferRequestedOutput("next_cell")]},
            "unexpected inference output",
        ),
        ("x" * 129, frames, {"sequence_start": True}, "longer than 128 bytes"),
    ]:
        with pytest.raises(triton.InferenceServerException, match=message):
            infer(client, sequence, given_frames, **flags)
    infer(client, 1, frames, sequence_start=True, sequence_end=True)
    with pytest.raises(triton.InferenceServerException, match="START flag"):
        infer(client, 1, frames)
    infer(client, 1, frames, sequence_start=True)
    fake.batcher.let_pass(9)
    infer(client, 1, frames)
    fake.batcher.let_pass(11)
    with pytest.raises(triton.InferenceServerException, match="START flag"):
        infer(client, 1, frames)


def test_a_camera_too_many_waits_until_another_ends(fake: FakeTriton, client: Any) -> None:
    frames = noise(1, 1)
    for sequence in (1, 2):
        infer(client, sequence, frames, sequence_start=True)
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(infer, client, 3, frames, sequence_start=True)
        infer(client, 1, frames)
        assert not third.done()
        infer(client, 2, frames, sequence_end=True)
        assert third.result(timeout=30).shape == (1, 1, 3)
    assert fake.batcher.batches == [[1], [2], [1], [2], [3]]


@pytest.mark.parametrize(("steps", "batches"), [((3, 3), [[1, 2]]), ((3, 2), [[1], [2]])], ids=["equal", "unequal"])
def test_cameras_with_equal_steps_run_together(
    tmp_path: Path, lstm_path: Path, steps: tuple[int, int], batches: list[list[int]]
) -> None:
    repository = repository_of(lstm_path, tmp_path / "models")
    session = ModelSession(lstm_path, device="cpu")
    with (
        FakeTriton(repository.path, "model", first_batch=2) as server,
        triton.InferenceServerClient(server.url) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        jobs = [
            pool.submit(infer, client, camera, noise(1, count, seed=camera), sequence_start=True)
            for camera, count in enumerate(steps, start=1)
        ]
        for camera, job in enumerate(jobs, start=1):
            expected = onnx_rows(session, noise(1, steps[camera - 1], seed=camera))
            assert np.abs(job.result(timeout=30) - expected).max() < 1e-5
        assert sorted(sorted(batch) for batch in server.batcher.batches) == batches


# The client sample


@pytest.mark.parametrize("steps", [1, 16])
def test_the_client_predicts_as_framestream_does(tmp_path: Path, steps: int) -> None:
    films = [CLIPS / "bend" / "bend-0000.webm", CLIPS / "wave" / "wave-0000.webm"]
    repository = repository_of(DEFAULT_MODEL, tmp_path / "models")
    with FakeTriton(repository.path, "model", first_batch=2) as server:
        command = [sys.executable, str(CLIENT), "model", *map(str, films), "--url", server.url, "--steps", str(steps)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(server.batcher.batches[0]) == 2, "both cameras in one run"
        assert server.batcher.conflicts == []
    lines = [line.split() for line in done.stdout.splitlines()]
    classifier = Classifier.load(DEFAULT_MODEL, device="cpu")
    anchor_seconds = classifier.spec.anchor_frames / classifier.spec.frame_rate
    for film in films:
        predictions = [record for record in classifier.watch(film) if isinstance(record, Prediction)]
        found = [(float(seconds), label, float(score)) for name, seconds, label, score in lines if name == film.name]
        assert len(found) == len(predictions) > 5
        for (seconds, label, score), prediction in zip(found, predictions, strict=True):
            assert label == prediction.label
            assert abs(seconds - (prediction.pts_seconds - anchor_seconds)) < 0.006
            assert abs(score - prediction.score) < 0.001


@pytest.mark.parametrize("name", ["default", "lstm", "int8-lstm"])
def test_golden_vectors(name: str, handoffs: dict[str, Path], client_program: ModuleType, tmp_path: Path) -> None:
    folder = handoffs[name] / VARIANT
    repository = repository_of(folder / "model.onnx", tmp_path / "models")
    sets = {data.number: data for data in read_data_sets(folder)}
    sequences = [sequence["sets"] for sequence in json.loads((folder / "vectors.json").read_text())["sequences"]]
    predictions = 0
    with FakeTriton(repository.path, "model") as server, triton.InferenceServerClient(server.url) as client:
        facts = client_program.Facts.ask(client, "model")
        for stream in sequences:
            # The server keeps the state, so cameras may take turns.
            cameras = range(len(sets[stream[0]].inputs["frames"]))
            clients = [client_program.Camera(client, facts, f"{stream[0]}/{camera}") for camera in cameras]
            for number in stream:
                frames, wanted = sets[number].inputs["frames"], sets[number].outputs["probabilities"]
                flags = {"start": number == stream[0], "end": number == stream[-1]}
                for camera in cameras:
                    for step, row in clients[camera].predictions(frames[camera], **flags):
                        predictions += 1
                        assert np.abs(row - wanted[camera, step]).max() <= LIMIT
                        assert row.argmax() == wanted[camera, step].argmax()
        assert server.batcher.conflicts == []
    assert predictions >= 3 * (24 - (facts.window - 1)), "one camera, then two, 24 frames or more of each"


def test_the_client_scales_as_the_golden_pictures_say(handoffs: dict[str, Path], client_program: ModuleType) -> None:
    sets = list(read_data_sets(handoffs["default"] / "preprocess"))
    assert len(sets) == 5
    for data in sets:
        wanted = data.outputs["frame"]
        found = client_program.fit(data.inputs["picture"][:, :, ::-1], wanted.shape[1::-1])
        assert np.abs(found.astype(int) - wanted).max() <= 1


def test_the_client_starts_anew_when_the_server_has_forgotten(
    tmp_path: Path, model_path: Path, client_program: ModuleType
) -> None:
    repository = repository_of(model_path, tmp_path / "models")
    with FakeTriton(repository.path, "model") as server, triton.InferenceServerClient(server.url) as client:
        facts = client_program.Facts.ask(client, "model")
        assert (facts.labels, facts.window) == (["red", "green", "blue"], 4)
        camera = client_program.Camera(client, facts, "gate")
        (frames,) = noise(1, 6)
        predictions = list(camera.predictions(frames, start=True, end=False))
        assert [index for index, _ in predictions] == [3, 4, 5]
        assert [index for index, _ in camera.predictions(frames[:2], start=False, end=False)] == [0, 1]
        server.batcher.forget()
        again = list(camera.predictions(frames, start=False, end=True))
        assert [index for index, _ in again] == [3, 4, 5], "its window is filled again first"
        assert all(np.array_equal(one, two) for (_, one), (_, two) in zip(predictions, again, strict=True))


def test_the_client_sample_is_free_of_framestream() -> None:
    code = CLIENT.read_text(encoding="utf-8")
    assert "import framestream" not in code
    assert "from framestream" not in code
