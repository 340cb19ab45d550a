"""The default model on the films of the repository: what it says against what was drawn."""

from pathlib import Path

import numpy as np
import pytest

from footage.recorder import write_video
from footage.scenes import draw_empty_scene, on_tripod
from framestream import Classifier, End, Event, Prediction
from framestream_export.measures.labelled_intervals import LabelledInterval
from tests.event_score import precision_recall, read_timeline

SAMPLES = Path(__file__).parents[1] / "samples"
FILMS = sorted(path for path in SAMPLES.glob("*.webm"))


@pytest.fixture(scope="module")
def default_model() -> Classifier:
    return Classifier.load(device="cpu")


def _events(classifier: Classifier, film: Path) -> list[LabelledInterval]:
    return [
        LabelledInterval(record.start_seconds, record.end_seconds, record.label)
        for record in classifier.watch(film, predictions=False)
        if isinstance(record, Event)
    ]


def test_there_are_three_films_of_half_a_minute_to_a_minute(default_model: Classifier) -> None:
    assert len(FILMS) == 3
    for film in FILMS:
        timeline = read_timeline(film.with_suffix(".csv"), background=None)
        assert 30 <= timeline[-1].end <= 60
        assert {span.label for span in timeline} <= set(default_model.spec.labels)


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.stem)
def test_events_of_a_film_agree_with_its_timeline(default_model: Classifier, film: Path) -> None:
    truth = read_timeline(film.with_suffix(".csv"), background=default_model.spec.background)
    precision, recall = precision_recall(_events(default_model, film), truth)
    assert precision >= 0.9
    assert recall >= 0.9


@pytest.mark.parametrize("seed", range(6))
def test_a_video_without_people_gives_no_event(default_model: Classifier, tmp_path: Path, seed: int) -> None:
    scene = on_tripod(draw_empty_scene(np.random.default_rng([seed, 4000]), seconds=12.0, size_wh=(160, 120)))
    write_video(tmp_path / "empty.webm", scene.frames(12.0), rate=12.0)
    assert _events(default_model, tmp_path / "empty.webm") == []


def test_a_clip_shorter_than_a_window_gets_one_prediction(default_model: Classifier, tmp_path: Path) -> None:
    scene = draw_empty_scene(np.random.default_rng(9), seconds=3.0, size_wh=(160, 120))
    frames = [frame for frame, _ in zip(scene.frames(10.0), range(5), strict=False)]
    write_video(tmp_path / "short.webm", frames, rate=10.0)
    records = list(default_model.watch(tmp_path / "short.webm"))
    assert sum(isinstance(record, Prediction) for record in records) == 1
    end = records[-1]
    assert isinstance(end, End)
    assert end.frames_sampled + end.frames_held == default_model.spec.window


def test_the_default_model_is_small_and_its_sidecar_says_the_same(default_model: Classifier) -> None:
    folder = Path(__file__).parents[1] / "framestream" / "models"
    assert (folder / "default.onnx").stat().st_size <= 8_000_000
    assert (
        type(default_model.spec).from_json((folder / "default.json").read_text(encoding="utf-8")) == default_model.spec
    )
    assert (folder / "README.md").is_file()
