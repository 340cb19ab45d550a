import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from framestream import Classifier, ModelError, ModelSession, SettingsError
from framestream.bench import BenchReport, BenchSettings, Ratio, Timings, run_bench
from framestream.bench.bench_report import Target
from framestream.bench.camera_runs import PacedImages, measure_idle
from framestream.bench.memory import peak_bytes
from framestream.bench.model_times import throughput, time_models
from framestream.bench.operators import operator_milliseconds, profile
from framestream.bench.split import Split, take_apart
from framestream.bench.synthetic_footage import FirstFrames, ImagesInMemory, render_images, write_film
from framestream.bench.timing import Spread, compare, time_in_turns
from framestream.cli.main import run
from framestream.sources import VideoFile
from tests.conftest import WriteVideo
from tests.tiny_model import SIZE, make_spec, write_model

SMALL = BenchSettings(cameras=3, camera_seconds=0.5, idle_seconds=0.1, blocks=3, runs=2, source_frames=60, rounds=2)


@pytest.fixture(params=["window", "stateful"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> ModelSession:
    write_model(tmp_path / "tiny.onnx", make_spec(kind=request.param))
    return ModelSession(tmp_path / "tiny.onnx", device="cpu", threads=1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> BenchReport:
    """A whole bench of the tiny window model."""
    folder = tmp_path_factory.mktemp("bench")
    write_model(folder / "tiny.onnx")
    write_film(folder / "film.mp4", frames=40)
    return run_bench(folder / "tiny.onnx", source=folder / "film.mp4", settings=SMALL, device="cpu", threads=1)


def test_tasks_are_timed_in_turns() -> None:
    order: list[str] = []
    tasks = {name: (lambda name=name: order.append(name)) for name in "abc"}
    measured = time_in_turns(tasks, blocks=4, runs=2)
    assert {name: seconds.shape for name, seconds in measured.items()} == dict.fromkeys("abc", (4, 2))
    # One run more than is measured; whoever begins changes.
    assert "".join(order) == "aaabbbccc" + "bbbcccaaa" + "cccaaabbb" + "aaabbbccc"
    assert all((seconds >= 0).all() for seconds in measured.values())
    with pytest.raises(SettingsError, match="1 or more"):
        time_in_turns(tasks, blocks=0, runs=2)


def test_ratios_are_taken_turn_by_turn() -> None:
    # The machine gets ten times slower half way; the ratio does not notice.
    reference = np.array([[1.0, 1.0, 9.0], [1.0, 1.0, 1.0], [10.0, 10.0, 10.0]])
    assert compare(reference * 2, reference) == Spread(2.0, 2.0, 2.0)


def test_timings_are_percentiles_in_milliseconds() -> None:
    timings = Timings.of(np.arange(1, 101) / 1000)
    assert timings.count == 100
    assert (timings.mean_ms, timings.p50_ms) == pytest.approx((50.5, 50.5))
    assert timings.p50_ms < timings.p95_ms < timings.p99_ms < 100
    with pytest.raises(SettingsError, match="no time was measured"):
        Timings.of([])


@pytest.mark.parametrize(
    ("target", "value", "shortfall"),
    [
        (Target("at most", 1.25), 1.25, 0.0),
        (Target("at most", 1.25), 2.5, 1.0),
        (Target("at least", 0.8), 0.9, 0.0),
        (Target("at least", 0.8), 0.6, 0.25),
        (Target("at most", 0), 3, 3),
    ],
)
def test_a_target_says_by_how_much_it_is_missed(target: Target, value: float, shortfall: float) -> None:
    assert target.shortfall(value) == pytest.approx(shortfall)
    assert target.holds(value) == (shortfall == 0)


def test_encoder_and_head_together_are_the_model(session: ModelSession) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (2, 5, SIZE, SIZE, 3), dtype=np.uint8)
    parts = take_apart(session, frames)
    # take_apart starts with zeros; here is a state that something has happened to.
    _, state = session.run(frames, session.zero_state(2))
    expected, expected_state = session.run(frames, state)
    given = {**parts.run_encoder(frames), **state}
    names = [item.name for item in parts.head.get_outputs()]
    values = dict(zip(names, parts.head.run(names, given), strict=True))
    np.testing.assert_allclose(values["probabilities"], expected, atol=1e-6)
    for name, array in expected_state.items():
        np.testing.assert_allclose(values[f"next_{name}"], array, atol=1e-6)
    # And they are parts: neither holds the other's nodes.
    split = Split(session.path.read_bytes(), session.spec.state_names)
    encoder, head, whole = (
        {node.output[0] for node in onnx.load_model_from_string(content).graph.node}
        for content in (split.encoder(), split.head(parts.run_encoder(frames)), session.path.read_bytes())
    )
    assert encoder & head == set()
    assert encoder | head <= whole
    assert "means" in encoder
    assert "probabilities" in head


def test_the_default_model_comes_apart() -> None:
    session = Classifier.load(device="cpu").session
    split = Split(session.path.read_bytes(), session.spec.state_names)
    frame = np.zeros((1, 1, *session.spec.size_wh[::-1], 3), np.uint8)
    parts = take_apart(session, frame)
    head = onnx.load_model_from_string(split.head(parts.run_encoder(frame)))
    encoder = onnx.load_model_from_string(split.encoder())
    assert {node.op_type for node in head.graph.node} >= {"LSTM"}
    assert {node.op_type for node in encoder.graph.node} >= {"Conv"}
    assert not {"Conv"} & {node.op_type for node in head.graph.node}


def test_a_profile_has_the_nodes_of_every_run(session: ModelSession) -> None:
    inputs = {"frames": np.zeros((2, 3, SIZE, SIZE, 3), np.uint8), **session.zero_state(2)}
    runs = profile(session.path, inputs, runs=3)
    operators = [[node.operator for node in run] for run in runs]
    assert len(runs) == 3
    assert operators[0] == operators[1] == operators[2]
    assert "Softmax" in operators[0]
    assert {node.provider for run in runs for node in run} == {"CPUExecutionProvider"}
    milliseconds = operator_milliseconds(session, inputs["frames"])
    assert set(milliseconds) == set(operators[0])
    assert list(milliseconds.values()) == sorted(milliseconds.values(), reverse=True)


def test_models_are_timed_with_the_frames_that_each_is_to_get(session: ModelSession) -> None:
    measured = time_models({"a": session, "b": session}, steps={"a": (1,), "b": (1, 3)}, blocks=2, runs=4)
    assert {key: seconds.shape for key, seconds in measured.items()} == dict.fromkeys(
        [("a", 1), ("b", 1), ("b", 3)], (2, 4)
    )
    assert throughput(np.array([[0.5, 2.0, 0.1], [0.5, 0.5, 0.5]]), steps=16) == 32


def test_a_graph_with_graphs_inside_is_refused(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("Identity", ["frames"], ["inner"])],
        "inner",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1])],
    )
    node = helper.make_node("If", ["condition"], ["probabilities"], then_branch=inner, else_branch=inner)
    graph = helper.make_graph([node], "outer", [], [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    with pytest.raises(ModelError, match="graphs inside"):
        Split(model.SerializeToString(), ["features"])


@pytest.mark.parametrize("content", [b"", b"\x0f", b"\x3a\xff\xff\xff\xff\x0f", b"no model at all, just text" * 9])
def test_what_is_no_model_cannot_be_split(content: bytes) -> None:
    with pytest.raises(ModelError, match="not a"):
        Split(content, ["features"])


def test_sources_made_for_measuring(write_video: WriteVideo) -> None:
    images = render_images(4, size_wh=(64, 48))
    assert len({image.tobytes() for image in images}) == 4
    source = ImagesInMemory(images, rate=5.0, count=6)
    times, seen = [], []
    while (pts_seconds := source.grab()) is not None:
        times.append(pts_seconds)
        seen.append(source.retrieve())
    assert times == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [seen[index] is images[index % 4] for index in range(6)] == [True] * 6
    video = VideoFile(write_video(["red"] * 9))
    first = FirstFrames(video, 4)
    assert first.info == video.info
    assert sum(first.grab() is not None for _ in range(9)) == 4
    first.close()
    assert video.grab() is None


def test_a_paced_camera_is_never_early() -> None:
    camera = PacedImages(render_images(2, size_wh=(64, 48)), rate=50.0, count=5, delay_seconds=0.05)
    began = time.monotonic()
    arrivals = [time.monotonic() - began for _ in iter(camera.grab, None)]
    assert len(arrivals) == 5
    assert all(arrival >= 0.05 + index / 50 for index, arrival in enumerate(arrivals))
    assert camera.info.live


def test_a_paced_camera_can_be_interrupted() -> None:
    camera = PacedImages(render_images(1, size_wh=(64, 48)), rate=0.001, count=5, delay_seconds=0.0)
    assert camera.grab() == 0.0
    answers: list[float | None] = []
    waiting = threading.Thread(target=lambda: answers.append(camera.grab()))
    waiting.start()
    camera.interrupt()
    waiting.join(10)
    assert answers == [None]


def test_staleness_counts_from_the_frame_that_answers_a_tick() -> None:
    camera = PacedImages(render_images(1, size_wh=(64, 48)), rate=15.0, count=5, delay_seconds=0.0)
    began = time.monotonic()
    camera.grab()
    # The tick at 0.1 s waits for the frame at 2/15 s; one at 1/3 s has a frame of its own.
    assert camera.staleness_seconds(0.1, began + 1.0) == pytest.approx(1 - 2 / 15, abs=0.05)
    assert camera.staleness_seconds(1 / 3, began + 1.0) == pytest.approx(1 - 5 / 15, abs=0.05)


def numbers(value: Any) -> Iterator[float]:
    """Every number in a JSON object."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, (int, float)):
        yield value


def test_a_report_is_complete_and_consistent(report: BenchReport) -> None:
    facts = report.to_dict()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert all(math.isfinite(number) and number >= 0 for number in numbers(facts))
    assert list(facts["stages"]) == [
        "decode",
        "preprocess",
        "encode",
        "head",
        "model",
        "new prediction",
        "total",
    ]
    for times in facts["stages"].values():
        assert 0 < times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"]
    # 40 frames at 25 a second, of which a model of 10 a second wants 16.
    assert (facts["source"]["frames"], facts["source"]["frames_sampled"]) == (40, 16)
    assert facts["stages"]["decode"]["count"] == 40
    assert facts["stages"]["preprocess"]["count"] == facts["stages"]["total"]["count"] == 16
    assert facts["stages"]["encode"]["count"] == SMALL.blocks * SMALL.runs
    assert list(facts["ratios"]) == [
        "new_prediction_over_bare_run",
        "new_prediction_over_default_session",
        "naive_over_new_prediction",
        "model_throughput_of_3_cameras_over_one",
        "file_mode_over_slower_half",
        "pipeline_throughput_of_3_cameras_over_one",
    ]
    assert facts["notes"] == []
    assert (facts["machine"]["provider"], facts["machine"]["threads"]) == ("CPUExecutionProvider", 1)


def test_a_report_judges_its_ratios(report: BenchReport) -> None:
    for ratio in report.to_dict()["ratios"].values():
        assert 0 < ratio["low"] <= ratio["value"] <= ratio["high"]
        if ratio["target"] is not None:
            bound, limit = ratio["target"].rsplit(" ", 1)
            met = ratio["value"] <= float(limit) if bound == "at most" else ratio["value"] >= float(limit)
            assert ratio["met"] == met == (ratio["shortfall"] == 0)
    slower_half = report.to_dict()["ratios"]["file_mode_over_slower_half"]
    assert bool(slower_half["reason"]) == (not slower_half["met"])


def test_a_report_accounts_for_every_picture_from_memory(report: BenchReport) -> None:
    cameras = report.to_dict()["pictures_in_memory"]
    # Half a second and a window of 0.4 s, 15 frames a second, from 3 cameras.
    assert cameras["frames_read"] == 3 * math.ceil(15 * 0.9)
    assert cameras["frames_read"] == cameras["frames_sampled"] + cameras["frames_skipped"] + cameras["frames_dropped"]
    assert cameras["predictions"] == cameras["staleness"]["count"] > 0
    verdict = cameras["staleness_p95_verdict"]
    assert verdict["met"] == (cameras["staleness"]["p95_ms"] <= 250)
    assert bool(cameras["reason"]) == (not (verdict["met"] and cameras["frames_dropped_verdict"]["met"]))


def test_peak_memory_is_that_of_a_process_of_its_own(report: BenchReport) -> None:
    assert report.memory is not None
    assert 10 * 2**20 < report.memory["before_bytes"] < report.memory["peak_bytes"]
    peak = peak_bytes()
    assert peak is not None
    assert peak > 2**20


def test_a_stateful_model_has_no_window_to_run_again(tmp_path: Path) -> None:
    write_model(tmp_path / "tiny.onnx", make_spec(kind="stateful"))
    settings = BenchSettings(cameras=0, idle_seconds=0.05, blocks=2, runs=1, source_frames=30, rounds=1)
    report = run_bench(tmp_path / "tiny.onnx", settings=settings, device="cpu", threads=1)
    names = [ratio.name for ratio in report.ratios]
    assert "new_prediction_over_bare_run" in names
    assert not any("naive" in name or "cameras" in name for name in names)
    assert report.cameras is None
    assert {"encode", "head"} <= set(report.stages)
    assert report.source["made_for_the_bench"] is True


def test_a_paused_camera_is_let_go(classifier: Classifier) -> None:
    figures = measure_idle(classifier, seconds=0.1)
    assert figures.cpu_share >= 0
    assert figures.to_dict()["target"] == "at most 0.05"
    assert [thread for thread in threading.enumerate() if thread.name.startswith("framestream")] == []


def test_the_film_is_not_left_behind(tmp_path: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = BenchSettings(cameras=0, idle_seconds=0.05, blocks=1, runs=1, source_frames=30, rounds=1)
    report = run_bench(model_path, settings=settings, device="cpu", threads=1)
    assert report.source["name"].startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"cameras": -1},
        {"camera_seconds": 0.0},
        {"camera_seconds": math.inf},
        {"idle_seconds": math.nan},
        {"blocks": 0},
        {"source_frames": 0},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="give"):
        BenchSettings(**wrong)


def test_the_command_prints_text_and_json(
    model_path: Path, write_video: WriteVideo, capsys: pytest.CaptureFixture[str]
) -> None:
    film = str(write_video(["red"] * 60))
    command = ["bench", str(model_path), "--source", film, "--device", "cpu", "--threads", "1", "--seconds", "0.3"]
    assert run([*command, "--cameras", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    words = ("decode", "preprocess", "encode", "head", "p99", "naive over new prediction", "staleness p95", "paused")
    assert [word for word in words if word not in shown.out] == []
    assert run([*command, "--cameras", "1", "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cameras"]["cameras"] == 1
    assert not any("cameras" in name for name in facts["ratios"])


def test_bad_input_is_one_line(model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(model_path), "--source", str(tmp_path / "missing.mp4")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert run(["bench", str(tmp_path / "missing.onnx")]) == 1
    assert "no such model file" in capsys.readouterr().err
    assert run(["bench", "--cameras", "-1"]) == 2
    assert "--cameras" in capsys.readouterr().err


def test_a_ratio_without_a_target_is_not_judged() -> None:
    facts = Ratio("a_over_b", Spread(2.0, 1.0, 3.0), "a / b").to_dict()
    assert (facts["target"], facts["met"], facts["shortfall"], facts["reason"]) == (None, None, None, None)
