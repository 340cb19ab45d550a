"""From rendered clips to joints in the records: the pose encoder's way through training, export and watching."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from framestream import Classifier, Prediction, SettingsError
from framestream.cli.main import run as run_cli
from framestream.model.session import ModelSession
from framestream.sampling.resize import fit_frame
from tests.export.conftest import Cli, Trained

SIZE = 96


@pytest.fixture(scope="module")
def people(rendered_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model that finds joints; too small, and trained too briefly, to be good."""
    folder = tmp_path_factory.mktemp("people")
    made = Trained(rendered_clips, folder / "run", folder / "model.onnx")
    options = ["--preset", "people", "--size", str(SIZE), "--window", "8", "--epochs", "3", "--cache", folder / "cache"]
    assert run_cli(["train", str(made.data), "--output", str(made.run), *map(str, options)]) == 0
    assert run_cli(["export", str(made.run), "--output", str(made.model)]) == 0
    return made


def a_clip(people: Trained) -> Path:
    return sorted((people.data / "test" / "jumping-jack").iterdir())[0]


def joints_of(people: Trained, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the trained network finds, [N, 17, 3]."""
    encoder = keras.saving.load_model(people.run / "encoder.keras", compile=False, safe_mode=True)
    finder = keras.Model(encoder.input, encoder.get_layer("keypoints").output)
    return np.asarray(finder(frames.astype(np.float32))).reshape(-1, 17, 3)


def test_every_clip_is_encoded_once(people: Trained) -> None:
    recordings = json.loads((people.run / "run.json").read_text())["splits"]
    files = list((people.run.parent / "cache" / "features").glob("*.npy"))
    # The same clip lies in all three splits, under one name by its content.
    assert len(files) == sum(len(names) for names in recordings.values()) / 3


def test_joints_of_a_watch_are_those_of_the_newest_frame(people: Trained) -> None:
    classifier = Classifier.load(people.model, device="cpu")
    assert classifier.spec.outputs == ("keypoints",)
    watched = [record for record in classifier.watch(a_clip(people), keypoints=True) if isinstance(record, Prediction)]
    assert len(watched) > 5
    capture, frames = cv2.VideoCapture(str(a_clip(people))), {}
    while capture.grab():
        frames[round(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, 3)] = fit_frame(
            capture.retrieve()[1], size_wh=(SIZE, SIZE), color="bgr"
        )
    capture.release()
    times = np.array(list(frames))
    for record in watched[::4]:
        # A tick takes the first frame at or after it.
        shown = frames[times[times >= record.pts_seconds - 1e-3].min()]
        (wanted,) = joints_of(people, shown[None])
        np.testing.assert_allclose(np.array(record.keypoints), wanted, atol=1e-3)


def test_joints_do_not_depend_on_chunks_and_probabilities_not_on_joints(people: Trained) -> None:
    session = ModelSession(people.model, device="cpu")
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, SIZE, SIZE, 3), dtype=np.uint8)
    rows, state, (joints,) = session.run_with(frames, session.zero_state(2), ["keypoints"])
    assert joints.shape == (2, 5, 17, 3)
    plain, plain_state = session.run(frames, session.zero_state(2))
    np.testing.assert_allclose(rows, plain, atol=1e-6)
    np.testing.assert_allclose(state["features"], plain_state["features"], atol=1e-5)
    for camera in range(2):
        for step in range(5):
            one = frames[camera : camera + 1, step : step + 1]
            _, _, (alone,) = session.run_with(one, session.zero_state(), ["keypoints"])
            np.testing.assert_allclose(alone[0, 0], joints[camera, step], atol=1e-4)


@pytest.mark.long
def test_a_graph_of_fixed_shape_gives_the_same_joints_in_turns(people: Trained, tmp_path: Path, cli: Cli) -> None:
    code, _, messages = cli("export", people.run, "--output", tmp_path / "static.onnx", "--variant", "static")
    assert code == 0, messages
    session, fixed = (ModelSession(path, device="cpu") for path in (people.model, tmp_path / "static.onnx"))
    assert fixed.one_camera
    frames = np.random.default_rng(1).integers(0, 256, (2, 3, SIZE, SIZE, 3), dtype=np.uint8)
    _, _, (joints,) = session.run_with(frames, session.zero_state(2), ["keypoints"])
    _, _, (in_turns,) = fixed.run_with(frames, fixed.zero_state(2), ["keypoints"])
    np.testing.assert_allclose(in_turns, joints, atol=1e-4)


def test_records_have_joints_only_if_asked(people: Trained, cli: Cli) -> None:
    options = ("--model", people.model, "--format", "jsonl", "--predictions")
    _, plain, _ = cli("watch", a_clip(people), *options)
    assert "keypoints" not in plain
    _, out, _ = cli("watch", a_clip(people), *options, "--keypoints")
    predictions = [record for record in map(json.loads, out.splitlines()) if record["type"] == "prediction"]
    assert all(np.array(record["keypoints"]).shape == (17, 3) for record in predictions)
    code, _, messages = cli("watch", a_clip(people), "--model", people.model, "--keypoints")
    assert code == 2
    assert "--keypoints goes with --predictions and --format jsonl" in messages


def test_a_model_without_joints_says_so(toy_clips: Path) -> None:
    classifier = Classifier.load(device="cpu")
    with pytest.raises(SettingsError, match="gives no keypoints; take a model trained with --preset people"):
        classifier.stream(keypoints=True)
    with pytest.raises(SettingsError, match="gives no keypoints"):
        classifier.watch(sorted((toy_clips / "idle").iterdir())[0], keypoints=True)
    session = classifier.session
    frames = np.zeros((1, 1, session.spec.height, session.spec.width, 3), np.uint8)
    with pytest.raises(SettingsError, match="has no output keypoints"):
        session.run_with(frames, session.zero_state(), ["keypoints"])


@pytest.mark.parametrize("change", [("--fine-tune", "2"), ("--fine-tune", "all"), ("--weights", "none")])
def test_the_pose_network_stays_as_it_is(toy_clips: Path, tmp_path: Path, cli: Cli, change: tuple[str, str]) -> None:
    code, _, messages = cli("train", toy_clips, "--output", tmp_path / "run", "--preset", "people", *change)
    assert code == 1
    assert "MoveNetLightning stays as it is" in messages
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_verify_and_variants(people: Trained, tmp_path: Path, cli: Cli) -> None:
    code, _, messages = cli("export", people.run, "--output", tmp_path / "half.onnx", "--variant", "float16")
    assert code == 0, messages
    assert (tmp_path / "half.onnx").stat().st_size < 6e6
    session, half = (ModelSession(path, device="cpu") for path in (people.model, tmp_path / "half.onnx"))
    capture = cv2.VideoCapture(str(a_clip(people)))
    frames = np.stack([fit_frame(capture.read()[1], size_wh=(SIZE, SIZE), color="bgr") for _ in range(8)])[None]
    capture.release()
    _, _, (joints,) = session.run_with(frames, session.zero_state(), ["keypoints"])
    _, _, (halved,) = half.run_with(frames, half.zero_state(), ["keypoints"])
    assert np.median(np.abs(joints - halved)) < 2e-3
