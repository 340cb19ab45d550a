"""`evaluate --by` and `--negatives`: where a model is good and where not, and what it sees where nothing happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_video_file
from tests.export import toy
from tests.export.conftest import Cli

COLUMNS = "path,label,start,end,group,camera,split,gaps"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A manifest of clips by two cameras, one of which the tiny model is wrong about, and of a film with a false event.

    The model names colours; blue is its background.
    """
    data = tmp_path / "data"
    for name, colour in {"a": "red", "b": "green", "c": "red", "d": "blue"}.items():
        data.mkdir(exist_ok=True)
        write_video_file(data / f"{name}.avi", [colour] * 45)
    write_video_file(data / "film.avi", ["blue"] * 60 + ["red"] * 60 + ["blue"] * 60 + ["green"] * 30)
    rows: list[tuple[object, ...]] = [
        ("a.avi", "red", "", "", "ann", "door", "test", ""),
        ("b.avi", "green", "", "", "ben", "door", "test", ""),
        ("c.avi", "green", "", "", "ann", "yard", "train", ""),
        ("d.avi", "blue", "", "", "", "", "", ""),
        ("film.avi", "red", "2", "4", "ben", "yard", "train", "background"),
    ]
    return toy.write_csv(data / "manifest.csv", COLUMNS, rows)


def evaluated(cli: Cli, *arguments: object) -> dict[str, Any]:
    code, out, err = cli("evaluate", *arguments, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    assert isinstance(report, dict)
    return report


def test_figures_by_column_group_split_and_class(model_path: Path, films: Path, cli: Cli) -> None:
    asked = [word for by in ("camera", "group", "split", "class") for word in ("--by", by)]
    report = evaluated(cli, model_path, films, "--split", "all", *asked)
    assert list(report["by"]) == ["camera", "group", "split", "class"]
    door, yard, unknown = (report["by"]["camera"][name] for name in ("door", "yard", ""))
    assert (door["files"], door["segments"], door["segments_right"], door["accuracy"]) == (2, 2, 2, 1.0)
    assert (yard["files"], yard["segments_right"] < yard["segments"]) == (2, True)
    assert (unknown["files"], door["events"], door["false_alarms"]) == (1, None, None)
    assert (yard["events"]["0.5"]["true"], yard["events"]["0.5"]["pairs"], yard["false_alarms"]) == (1, 1, 1)
    assert yard["false_alarms_per_hour"] == report["streaming"]["false_alarms_per_hour"]
    # Groups are those of the data set, whatever else figures are broken down by.
    assert (door["segment_accuracy_interval"] is not None, report["groups"]) == (True, 3)
    assert set(report["by"]["group"]) == {"ann", "ben", ""}
    assert report["by"]["group"]["ann"]["segment_accuracy_interval"] is None
    assert {name: part["files"] for name, part in report["by"]["split"].items()} == {"test": 2, "train": 2, "": 1}
    by_class = report["by"]["class"]
    assert list(by_class) == report["labels"]
    for label, part in by_class.items():
        assert part["accuracy"] == pytest.approx(report["per_class"][label]["recall"])
        assert part["segments"] == report["segment_per_class"][label]["support"]
    assert by_class["red"]["events"]["0.5"] == report["streaming"]["events_per_class"]["0.5"]["red"]
    for parts in report["by"].values():
        assert sum(part["windows"] for part in parts.values()) == report["windows"]
        assert sum(part["segments_right"] for part in parts.values()) == report["segments_right"]


def test_parts_in_text_and_on_the_page(model_path: Path, films: Path, tmp_path: Path, cli: Cli) -> None:
    options = (model_path, films, "--split", "all", "--by", "camera", "--negatives", films.parent / "film.avi")
    code, out, err = cli("evaluate", *options)
    assert code == 0, err
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    assert ["door", "2", "24", "1.000", "2", "1.000", "-", "-"] in rows
    assert any(row[0] == "(none)" for row in rows)
    assert "where nothing happens, 1 film of 0.1 min: 2 false events" in out
    assert "an hour (green 1, red 1)" in out
    assert "  film.avi  00:02" in out
    code, _, err = cli("evaluate", *options, "--format", "html", "--output", tmp_path / "r.html")
    assert code == 0, err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<h2>By camera</h2>" in page
    assert "<h2>Where nothing happens</h2>" in page


def test_films_without_events_are_counted_apart(model_path: Path, films: Path, tmp_path: Path, cli: Cli) -> None:
    night = tmp_path / "night"
    (night / "yard").mkdir(parents=True)
    write_video_file(night / "yard" / "still.avi", ["blue"] * 300)
    write_video_file(night / "yard" / "car.avi", ["blue"] * 60 + ["red"] * 60 + ["blue"] * 60)
    (night / "broken.avi").write_bytes(b"no video")
    one = tmp_path / "one.avi"
    write_video_file(one, ["blue"] * 60)
    without = evaluated(cli, model_path, films)
    # A film that is named twice is watched once.
    report = evaluated(cli, model_path, films, "--negatives", night, "--negatives", one, "--negatives", one)
    found, warnings = report.pop("negatives"), report.pop("warnings")
    assert without.pop("negatives") is None
    del without["warnings"]
    assert report == without
    assert (found["files"], found["false_alarms"], found["per_class"]) == (3, 1, {"red": 1})
    assert found["video_seconds"] == pytest.approx(18.0, abs=0.5)
    assert found["false_alarms_per_hour"] == pytest.approx(3600 / found["video_seconds"])
    (event,) = found["events"]
    assert (event["name"], event["label"]) == ("night/yard/car.avi", "red")
    assert event["start_seconds"] == pytest.approx(2.0, abs=0.3)
    assert found["per_file"]["night/yard/still.avi"]["false_alarms"] == 0
    assert found["per_file"]["night/yard/car.avi"]["false_alarms"] == 1
    assert any("1 of 4 recordings could not be read and are left out" in line for line in warnings)
    assert any("films in which nothing happens last 0.3 minutes only" in line for line in warnings)
    # A threshold that is asked for counts here as well.
    strict = evaluated(cli, model_path, films, "--negatives", night, "--min-seconds", "5")
    assert strict["negatives"]["false_alarms"] == 0


def test_what_cannot_be_broken_down(model_path: Path, films: Path, tmp_path: Path, cli: Cli) -> None:
    code, _, err = cli("evaluate", model_path, films, "--by", "light")
    assert (code, err.count("\n"), "light" in err) == (1, 1, True), err
    clips = tmp_path / "clips"
    for label in ("red", "green"):
        (clips / label).mkdir(parents=True)
        write_video_file(clips / label / "a.avi", [label] * 45)
    code, _, err = cli("evaluate", model_path, clips, "--by", "person")
    assert (code, "--by person names a column of a manifest, and this data has no manifest" in err) == (1, True)
    code, _, err = cli("evaluate", model_path, clips, "--by", "group")
    assert (code, "says of no recording which group it is of" in err) == (1, True)
    code, _, err = cli("evaluate", model_path, films, "--negatives", tmp_path / "nowhere")
    assert (code, f"{tmp_path / 'nowhere'} does not exist; give films in which nothing happens" in err) == (1, True)
    (tmp_path / "empty").mkdir()
    code, _, err = cli("evaluate", model_path, films, "--negatives", tmp_path / "empty")
    assert (code, "holds no video" in err) == (1, True)
