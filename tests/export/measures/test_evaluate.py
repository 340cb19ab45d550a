"""An exported model on labelled recordings, through the runtime."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from framestream import Classifier, Event
from framestream_export.data.frame_cache import open_cache
from framestream_export.data.recordings import Recording, Segment, read_dataset
from framestream_export.measures.detection import detect
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.watching import frames_between, watch_recording
from tests.conftest import write_video_file
from tests.export import toy
from tests.export.conftest import Cli, Trained
from tests.tiny_model import make_spec, write_model

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@pytest.fixture
def coloured_clips(tmp_path: Path) -> Path:
    """Class folders for the tiny model, which is right about all of them but one; and a clip too short for a window."""
    data = tmp_path / "data"
    for label, colours in {"red": ["red"] * 45, "green": ["green"] * 45, "blue": ["blue"] * 45}.items():
        for number in range(2):
            (data / label).mkdir(parents=True, exist_ok=True)
            write_video_file(data / label / f"{number}.avi", colours)
    write_video_file(data / "green" / "wrong.avi", ["red"] * 45)
    write_video_file(data / "green" / "short.avi", ["green"] * 4)
    return data


def evaluated(cli: Cli, *arguments: object) -> dict[str, Any]:
    code, out, err = cli("evaluate", *arguments, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    assert isinstance(report, dict)
    return report


def test_it_gives_the_accuracy_that_training_measured(trained: Trained, cli: Cli) -> None:
    record = json.loads((trained.run / "run.json").read_text())
    assert "How it learnt" in (trained.run / "report" / "report.html").read_text(encoding="utf-8")
    report = evaluated(cli, trained.model, trained.data)
    assert (report["split"], report["windows"], report["segments"]) == ("test", record["test"]["windows"], 12)
    assert report["confusion"] == record["test"]["confusion"]
    assert report["accuracy"] == pytest.approx(record["test"]["accuracy"], abs=1e-9)
    assert report["segment_accuracy"] == pytest.approx(record["test"]["segment_accuracy"], abs=1e-9)
    assert report["calibration"]["after"]["log_loss"] == pytest.approx(
        record["test"]["calibration"]["after"]["log_loss"], rel=1e-3
    )


@pytest.mark.parametrize("trained", ["window"], indirect=True)  # names of clips are compared
def test_clips_that_it_was_trained_on_flatter(trained: Trained, tmp_path: Path, cli: Cli) -> None:
    def flatters(*arguments: object) -> bool:
        return any("trained on most of these" in line for line in evaluated(cli, *arguments)["warnings"])

    assert not flatters(trained.model, trained.data)  # the test split
    assert flatters(trained.model, trained.data, "--split", "all")
    others = shutil.copytree(trained.data, tmp_path / "others")
    rows = (others / "manifest.csv").read_text().splitlines(keepends=True)
    (others / "manifest.csv").write_text("".join(rows[:-1]))
    assert not flatters(trained.model, others, "--split", "all")


def test_clips_of_every_length(model_path: Path, coloured_clips: Path, cli: Cli) -> None:
    report = evaluated(cli, model_path, coloured_clips)
    assert (report["split"], report["segments"], report["segments_right"]) == ("all", 8, 7)
    # 45 frames at 30 per second are 15 of the model's, 12 windows of 4; the short clip has one.
    assert report["windows"] == 7 * 12 + 1
    assert report["accuracy"] == pytest.approx(1 - 12 / 85)
    assert report["background"] == "blue"
    assert report["worst"][0]["name"] == "green/wrong.avi"
    assert (report["worst"][0]["truth"], report["worst"][0]["prediction"]) == ("green", "red")


def test_text_and_page(model_path: Path, coloured_clips: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli("evaluate", model_path, coloured_clips)
    assert code == 0
    assert "all recordings: accuracy 0.859 of 85 windows, 0.875 of 8 labelled segments" in out
    code, out, err = cli("evaluate", model_path, coloured_clips, "--format", "html", "--output", tmp_path / "r.html")
    assert (code, out) == (0, "")
    assert f"{tmp_path / 'r.html'}: accuracy 0.859" in err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "tiny.onnx on data" in page
    assert "data:image/jpeg;base64," in page
    code, out, _ = cli("evaluate", model_path, coloured_clips, "--output", tmp_path / "r.txt")
    assert (code, out) == (0, "")
    assert "accuracy 0.859" in (tmp_path / "r.txt").read_text(encoding="utf-8")


def test_a_film_with_a_timeline_of_a_single_label(model_path: Path, tmp_path: Path, cli: Cli) -> None:
    write_video_file(tmp_path / "film.avi", ["blue"] * 60 + ["red"] * 60 + ["blue"] * 60 + ["green"] * 30)
    toy.write_csv(tmp_path / "film.csv", "start,end,label", [(2.0, 4.0, "red")])
    report = evaluated(cli, model_path, tmp_path)
    streaming = report["streaming"]
    assert streaming["events_per_class"]["0.5"]["red"]["f1"] == 1.0
    assert streaming["events"]["0.5"] == {
        "found": 2,
        "true": 1,
        "pairs": 1,
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
    }
    assert streaming["false_alarms"] == 1
    assert report["events"]["settings"]["enter"] == 0.6
    assert evaluated(cli, model_path, tmp_path, "--enter", "0.9")["events"]["settings"]["enter"] == 0.9
    assert report["events"]["suggested"]["origin"] == "untrimmed"


def test_the_split_that_is_taken(model_path: Path, coloured_clips: Path, cli: Cli) -> None:
    rows = [
        (path.relative_to(coloured_clips), path.parent.name, "test" if path.stem == "0" else "train")
        for path in sorted(coloured_clips.rglob("*.avi"))
    ]
    manifest = toy.write_csv(coloured_clips / "manifest.csv", "path,label,split", rows)
    report = evaluated(cli, model_path, manifest)
    assert (report["split"], report["segments"]) == ("test", 3)
    assert evaluated(cli, model_path, manifest, "--split", "train")["segments"] == 5
    assert evaluated(cli, model_path, manifest, "--split", "all")["segments"] == 8
    code, _, err = cli("evaluate", model_path, manifest, "--split", "validation")
    assert code == 1
    assert "has no recording in the validation split (it names train, test); try --split all" in err


def test_labels_the_model_does_not_know(model_path: Path, coloured_clips: Path, cli: Cli) -> None:
    shutil.move(coloured_clips / "green", coloured_clips / "Greenish")
    report = evaluated(cli, model_path, coloured_clips)
    assert (report["segments"], report["segments_right"]) == (4, 4)
    (warning,) = [text for text in report["warnings"] if "does not know" in text]
    assert warning.startswith("the model does not know Greenish: that part of 4 of 8 recordings is left out")
    assert "--rename Greenish=green" in warning
    assert evaluated(cli, model_path, coloured_clips, "--rename", "Greenish=green")["segments"] == 8
    for label in ("red", "blue"):
        shutil.move(coloured_clips / label, coloured_clips / f"no {label}!")
    code, _, err = cli("evaluate", model_path, coloured_clips, "--rename", "no red!=crimson")
    assert code == 1
    assert "the model knows none of its labels (Greenish, crimson, no blue!); it knows red, green, blue" in err
    code, _, err = cli("evaluate", model_path, coloured_clips, "--rename", "rot=red")
    assert (code, "has no label rot to rename; it has Greenish, no blue!, no red!" in err) == (1, True)
    code, _, err = cli("evaluate", model_path, coloured_clips, "--rename", "red")
    assert (code, "give OLD=NEW" in err) == (2, True)


def test_clips_that_cannot_be_read(model_path: Path, coloured_clips: Path, cli: Cli) -> None:
    (coloured_clips / "red" / "0.avi").write_bytes(b"no video")
    report = evaluated(cli, model_path, coloured_clips)
    assert report["segments"] == 7
    (warning,) = [text for text in report["warnings"] if "could not be read" in text]
    assert warning.startswith("1 of 8 recordings could not be read and are left out: ")
    assert "red/0.avi" in warning
    for path in coloured_clips.rglob("*.avi"):
        path.write_bytes(b"no video")
    code, _, err = cli("evaluate", model_path, coloured_clips)
    assert code == 1
    assert "none of the 8 recordings can be read; the first: " in err
    assert err.count("left out") == 8


@pytest.mark.parametrize("film", sorted(SAMPLES.glob("*.webm")), ids=lambda path: path.stem)
def test_events_are_those_of_a_watch(film: Path) -> None:
    classifier = Classifier.load(device="cpu")
    spec = classifier.spec
    recording = Recording(film, film.name, (), film.name, fill_background=True)
    timeline = watch_recording(classifier, recording)
    timing = PredictionTiming.of(spec)
    found = detect(timeline, spec.labels, background=spec.background, settings=spec.events, timing=timing)
    watched = [record for record in classifier.watch(film, predictions=False) if isinstance(record, Event)]
    assert [one.interval.label for one in found] == [event.label for event in watched]
    for one, event in zip(found, watched, strict=True):
        assert one.interval.start == pytest.approx(event.start_seconds, abs=1e-6)
        # The last one goes on to the film's end, which predictions show to within a frame.
        assert one.interval.end == pytest.approx(event.end_seconds, abs=1e-6 if event is not watched[-1] else 0.11)
        assert one.score == pytest.approx(event.score, abs=1e-5)


def test_labels_are_those_that_training_lays_over_the_same_frames(tmp_path: Path, silent: Console) -> None:
    film, clip = tmp_path / "film.avi", tmp_path / "red" / "short.avi"
    clip.parent.mkdir()
    write_video_file(film, ["blue"] * 100 + ["red"] * 100, fps=24.0)
    write_video_file(clip, ["red"] * 5)
    toy.write_csv(film.with_suffix(".csv"), "start,end,label", [(0.55, 1.45, "green"), (3.333, 6.1, "red")])
    dataset = read_dataset(tmp_path, background="blue")
    cache = open_cache(dataset, tmp_path / "cache", frame_rate=10.0, size_wh=(8, 8), console=silent)
    classifier = _tiny(tmp_path)
    spec = classifier.spec
    for segment in cache.segments:
        timeline = watch_recording(classifier, cache.recordings[segment.recording])
        newest = np.arange(spec.window - 1, max(len(segment), spec.window))
        anchors = np.minimum(newest - spec.anchor_frames, len(segment) - 1)
        expected = [dataset.labels[label] for label in cache.labels[segment.start + anchors]]
        assert [spec.labels[label] for label in timeline.labels] == expected
    assert {len(segment) for segment in cache.segments} == {83, 2}


def test_predictions_about_the_future(tmp_path: Path) -> None:
    """Anchored ahead, a prediction's label is what holds later; nobody knows what comes after the video."""
    spec = replace(make_spec(), anchor_frames=-5)
    write_model(tmp_path / "ahead.onnx", spec)
    film = write_video_file(tmp_path / "film.avi", ["red"] * 30 + ["green"] * 30)
    segments = (Segment(0.0, 1.0, "red"), Segment(1.0, 9.0, "green"))
    timeline = watch_recording(
        Classifier.load(tmp_path / "ahead.onnx", device="cpu"), Recording(film, "f", segments, "f")
    )
    # 20 ticks, predictions from the fourth on, each about half a second later.
    np.testing.assert_allclose(timeline.pts_seconds, 0.3 + 0.5 + np.arange(17) / 10, atol=0.034)
    assert timeline.labels.tolist() == [0] * 2 + [1] * 10 + [-1] * 5


def test_pictures_of_a_recording(tmp_path: Path) -> None:
    film = write_video_file(tmp_path / "film.avi", ["red"] * 30 + ["green"] * 30, size_wh=(128, 192))
    recording = Recording(film, "f", (Segment(0.0, 9.0, "red"),), "f")
    timeline = watch_recording(_tiny(tmp_path), recording)
    frames = frames_between(timeline, 0.5, 1.5)
    assert frames.shape[1:] == (96, 64, 3)
    assert 11 <= len(frames) <= 13
    assert frames[0].mean(axis=(0, 1)).argmax() == 0  # red first, red, green, blue
    assert frames[-1].mean(axis=(0, 1)).argmax() == 1
    assert len(frames_between(timeline, -3.0, -2.0)) == len(frames_between(timeline, 80.0, 81.0)) == 1


def _tiny(folder: Path) -> Classifier:
    write_model(folder / "tiny.onnx")
    return Classifier.load(folder / "tiny.onnx", device="cpu")


@pytest.mark.parametrize(
    ("format_name", "unwanted"),
    [("text", {"jinja2", "matplotlib"}), ("json", {"jinja2", "matplotlib"}), ("html", set())],
)
def test_it_needs_no_tensorflow_and_only_the_page_needs_what_draws_it(
    format_name: str, unwanted: set[str], model_path: Path, coloured_clips: Path
) -> None:
    unwanted = unwanted | {"tensorflow", "keras", "onnx", "tf2onnx"}
    program = (
        "import sys; from framestream.cli.main import run; assert run(sys.argv[1:]) == 0;"
        f"print(sorted({unwanted} & set(sys.modules)))"
    )
    arguments = ["evaluate", str(model_path), str(coloured_clips), "--format", format_name]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
