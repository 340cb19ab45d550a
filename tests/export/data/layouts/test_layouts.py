"""Layouts that others have made up: small copies of them, with real videos where lengths and frame times count."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framestream.errors import DataError
from framestream.sources import VideoFile
from framestream_export.data.frame_cache import frame_labels
from framestream_export.data.manifest import write_manifest
from framestream_export.data.recordings import Dataset, Recording, Segment, read_dataset
from framestream_export.data.splits import split_recordings
from tests.export import toy
from tests.export.conftest import Cli
from tests.export.data.test_recordings import clip

WHOLE = (0.0, math.inf)


def lines(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def by_name(dataset: Dataset) -> dict[str, Recording]:
    return {recording.path.name: recording for recording in dataset.recordings}


def facts(dataset: Dataset) -> list[tuple[object, ...]]:
    """All that training sees of a data set."""
    return sorted(
        (one.path.resolve(), one.name, one.segments, one.group, one.split, one.fill_background)
        for one in dataset.recordings
    )


def imported_alike(cli: Cli, data: Path, manifest: Path, *options: object) -> None:
    """What is imported reads back as the same."""
    names = [str(option).removeprefix("--").replace("-", "_") for option in options[::2]]
    arguments: dict[str, Any] = dict(zip(names, options[1::2], strict=True))
    before = read_dataset(data, **arguments)
    code, out, errors = cli("data", "import", data, "--output", manifest, *options)
    assert code == 0, errors
    assert str(manifest) in out
    # It may have been corrected by hand since.
    code, _, errors = cli("data", "import", data, "--output", manifest, *options)
    assert (code, errors.count("\n")) == (1, 1)
    assert "exists; give another --output" in errors
    after = read_dataset(manifest, background=arguments.get("background"))
    assert facts(before) == facts(after)
    assert (before.labels, before.background) == (after.labels, after.background)


def write_ucf(root: Path) -> Path:
    lists = root / "ucfTrainTestlist"
    lines(lists / "classInd.txt", "1 Archery", "2 BabyCrawling")
    train, test = [], []
    for number, label in enumerate(("Archery", "BabyCrawling"), start=1):
        for group in range(1, 7):
            for take in (1, 2):
                name = f"{label}/v_{label}_g{group:02}_c{take:02}.avi"
                clip(root / "UCF-101" / name)
                (test.append(name) if group < 3 else train.append(f"{name} {number}"))
    lines(lists / "trainlist01.txt", *train)
    lines(lists / "testlist01.txt", *test)
    lines(lists / "trainlist02.txt", *train[:8], *train[16:])
    lines(lists / "testlist02.txt", *test)
    return root


def test_ucf101(tmp_path: Path, cli: Cli) -> None:
    data = write_ucf(tmp_path / "ucf")
    dataset = read_dataset(data)
    assert dataset.labels == ("Archery", "BabyCrawling")
    one = by_name(dataset)["v_Archery_g03_c02.avi"]
    assert (one.group, one.split) == ("Archery_g03", "train")
    assert [(*WHOLE, "Archery")] == [(clip.start_seconds, clip.end_seconds, clip.label) for clip in one.segments]
    assert by_name(dataset)["v_BabyCrawling_g02_c01.avi"].split == "test"
    assert (len(dataset.recordings), dataset.warnings) == (24, ())
    # Validation comes out of train, by whole groups.
    splits = split_recordings(
        dataset.recordings,
        np.eye(2, dtype=np.int64)[[0] * 8 + [1] * 8 + [0] * 4 + [1] * 4] * 50,
        dataset.labels,
        seed=0,
    )
    assert len(splits.test) == 8
    groups = [{dataset.recordings[index].group for index in some} for some in (splits.train, splits.validation)]
    assert groups[1]
    assert groups[0].isdisjoint(groups[1])
    imported_alike(cli, data, data / "all.csv")


def test_ucf101_with_clips_missing_left_over_and_another_division(tmp_path: Path, cli: Cli) -> None:
    data = write_ucf(tmp_path / "ucf")
    (data / "UCF-101/Archery/v_Archery_g01_c01.avi").unlink()
    (data / "UCF-101/Archery/v_Archery_g05_c01.avi").unlink()
    dataset = read_dataset(data)
    assert len(dataset.recordings) == 22
    (warning,) = dataset.warnings
    assert "2 of 24 clips that split 1 lists are not here: v_Archery_g05_c01.avi, v_Archery_g01_c01.avi" in warning
    other = read_dataset(data, split_number=2)
    assert any("clips are in no list of split 2 and left out" in warning for warning in other.warnings)
    imported_alike(cli, data, data / "second.csv", "--split-number", 2)
    with pytest.raises(DataError, match=r"trainlist03\.txt cannot be read"):
        read_dataset(data, split_number=3)
    code, _, errors = cli("data", "check", data, "--frame-rate", 25)
    assert (code, "--frame-rate means nothing to data that is laid out as ucf101" in errors) == (1, True)
    code, _, errors = cli("data", "check", data / "second.csv", "--split-number", 2)
    assert (code, "--split-number means nothing" in errors) == (1, True)


def test_ucf101_whose_clips_were_converted(tmp_path: Path) -> None:
    data = write_ucf(tmp_path / "ucf")
    for path in sorted(data.glob("UCF-101/*/*.avi")):
        path.rename(path.with_suffix(".mp4"))
    dataset = read_dataset(data)
    assert len(dataset.recordings) == 24
    assert by_name(dataset)["v_Archery_g03_c02.mp4"].group == "Archery_g03"
    (said,) = dataset.warnings
    assert (
        "24 clips have another suffix than split 1 gives them: v_Archery_g03_c01.avi is v_Archery_g03_c01.mp4" in said
    )
    # A file of the very name goes before; of two others, neither is the one for sure.
    clip(data / "UCF-101/Archery/v_Archery_g03_c01.avi")
    assert "23 clips have another suffix" in read_dataset(data).warnings[0]
    test_list = data / "ucfTrainTestlist/testlist01.txt"
    test_list.write_text(test_list.read_text().replace("/", "\\"), encoding="utf-16")
    assert len(read_dataset(data).recordings) == 24
    clip(data / "UCF-101/Archery/v_Archery_g03_c02.mkv")
    with pytest.raises(DataError, match=r"2 files are called v_Archery_g03_c02\.avi"):
        read_dataset(data)


def test_ucf101_lists_that_cannot_be_true_are_named_by_row(tmp_path: Path) -> None:
    data = write_ucf(tmp_path / "ucf")
    first = "Archery/v_Archery_g03_c01.avi 1"
    lines(
        data / "ucfTrainTestlist/trainlist01.txt", first, "Archery/v_Archery_g04_c01.avi 2", "Boxing/v_x.avi 3", first
    )
    with pytest.raises(DataError, match="3 things to correct") as caught:
        read_dataset(data)
    for said in (
        "row 2: class 2 is BabyCrawling",
        "row 3: 'Boxing' is no class",
        "row 4: v_Archery_g03_c01.avi has come",
    ):
        assert said in str(caught.value)


def test_hmdb51(tmp_path: Path, cli: Cli) -> None:
    data = tmp_path / "hmdb"
    for label in ("brush_hair", "wave"):
        rows = []
        for number, code in enumerate((1, 1, 2, 0, 1)):
            name = f"Film{number // 2}_{label}_u_nm_np1_ba_goo_{number}.avi"
            clip(data / "hmdb51_org" / label / name)
            rows.append(f"{name} {code} ")
        lines(data / "testTrainMulti_7030_splits" / f"{label}_test_split1.txt", *rows)
    lines(data / "testTrainMulti_7030_splits" / "run_test_split1.txt", "Film_run_u_0.avi 0")
    dataset = read_dataset(data)
    assert dataset.labels == ("brush_hair", "wave")
    splits = {name: (one.split, one.group) for name, one in by_name(dataset).items()}
    assert splits["Film0_wave_u_nm_np1_ba_goo_1.avi"] == ("train", "wave/Film0")
    assert splits["Film1_brush_hair_u_nm_np1_ba_goo_2.avi"] == ("test", "brush_hair/Film1")
    assert len(splits) == 8
    assert any("there is no class 'run'" in warning for warning in dataset.warnings)
    assert any("3 clips are neither for training nor for testing" in warning for warning in dataset.warnings)
    imported_alike(cli, data, data / "all.csv")
    lines(data / "testTrainMulti_7030_splits" / "wave_test_split1.txt", "Film0_wave_u_nm_np1_ba_goo_0.avi 7")
    with pytest.raises(DataError, match=r"wave_test_split1\.txt, row 1: .* is not a clip and 0, 1 or 2"):
        read_dataset(data)


def test_kinetics_with_clips_cut_and_whole_missing_and_flat(tmp_path: Path, cli: Cli) -> None:
    data = tmp_path / "kinetics"
    toy.write_video(data / "riding a bike/aaaaaaaaaaa_000002_000004.mp4", toy.draw("idle", 1, frames=50))
    toy.write_video(data / "clapping/bbbbbbbbbbb.mp4", toy.draw("across", 1, frames=50))  # 2 s: the clip
    toy.write_video(data / "-cccccccccc.mp4", toy.draw("upright", 1, frames=200))  # 8 s: the film
    header = "label,youtube_id,time_start,time_end,split"
    rows: list[tuple[object, ...]] = [
        ("riding a bike", "aaaaaaaaaaa", 2, 4, "train"),
        ("clapping", "bbbbbbbbbbb", 10, 12, "train"),
        ("clapping", "gone", 5, 15, "train"),
    ]
    toy.write_csv(data / "train.csv", header, rows)
    rows = [("clapping", "-cccccccccc", 5, 7, "validate"), ("riding a bike", "-cccccccccc", 1, 3, "validate")]
    toy.write_csv(data / "val.csv", header, rows)
    toy.write_csv(data / "test.csv", "youtube_id,time_start,time_end,split", [("ddd", 1, 2, "test")])
    dataset = read_dataset(data)
    assert dataset.labels == ("clapping", "riding a bike")
    found = by_name(dataset)
    assert found["aaaaaaaaaaa_000002_000004.mp4"].segments == (Segment(*WHOLE, "riding a bike"),)
    assert found["bbbbbbbbbbb.mp4"].segments == (Segment(*WHOLE, "clapping"),)
    assert found["-cccccccccc.mp4"].segments == (Segment(1, 3, "riding a bike"), Segment(5, 7, "clapping"))
    assert (found["-cccccccccc.mp4"].split, found["-cccccccccc.mp4"].group) == ("validation", "-cccccccccc")
    assert any("1 of 5 clips that" in warning and "gone_000005_000015" in warning for warning in dataset.warnings)
    assert any("1 rows have no label" in warning for warning in dataset.warnings)
    imported_alike(cli, data, data / "manifest.csv")


def test_kinetics_rows_that_contradict_each_other(tmp_path: Path) -> None:
    header = "label,youtube_id,time_start,time_end,split"
    rows: list[tuple[object, ...]] = [("a", "x", 1, 2, "train"), ("b", "x", 1, 2, "train"), ("a", "y", 3, 2, "train")]
    table = toy.write_csv(tmp_path / "k.csv", header, [*rows, ("a", "z", "soon", 2, "test"), ("a", "z", 1, 2, "exam")])
    clip(tmp_path / "x.mp4")
    with pytest.raises(DataError, match="4 things to correct") as caught:
        read_dataset(table)
    for said in (
        "row 3: the same segment of x has another label",
        "row 4: end",
        "row 5: 'soon'",
        "row 6: split 'exam'",
    ):
        assert said in str(caught.value)


def region(first: int, last: int, label: str, **more: Any) -> dict[str, Any]:
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [label], **more}
    return {"value": value, "type": "timelinelabels", "from_name": "timeline", "to_name": "video"}


def task(video: str, *regions: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "data": {"video": video}, "annotations": [{"result": list(regions)}], **more}


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def frame_times(path: Path) -> list[float]:
    source = VideoFile(path)
    times = list(iter(source.grab, None))
    source.close()
    return times


def test_label_studio_by_the_films_own_timestamps(tmp_path: Path, cli: Cli) -> None:
    toy.write_video(tmp_path / "films/my film.mp4", toy.draw("across", 1, frames=40), fps=20)
    toy.write_video(tmp_path / "films/other.mp4", toy.draw("across", 2, frames=40), fps=20)
    phantom = {"value": {"timelinelabels": ["wave"], "sequence": []}, "type": "timelinelabels"}
    tasks = [
        task("/data/upload/1/0a1b2c3d-my_film.mp4", region(11, 20, "wave"), region(20, 30, "clap"), phantom),
        task("/data/local-files/?d=films%2Fother.mp4", number=2),
        task("/data/upload/1/gone.mp4", region(1, 2, "wave"), number=3),
        {"id": 4, "data": {"video": "x.mp4"}, "annotations": [{"was_cancelled": True, "result": []}]},
    ]
    export = write_json(tmp_path / "export.json", tasks)
    dataset = read_dataset(tmp_path, background="idle")
    assert dataset.labels == ("clap", "idle", "wave")
    film = by_name(dataset)["my film.mp4"]
    assert film.fill_background
    # Frames count from 1, both ends included; the frame that two share is the later one's.
    times = np.array(frame_times(film.path))
    assert len(times) == 40
    labels = [dataset.labels[at] for at in frame_labels(film, times, dataset.labels, background="idle")]
    assert labels == ["idle"] * 10 + ["wave"] * 9 + ["clap"] * 11 + ["idle"] * 10
    assert by_name(dataset)["other.mp4"].segments == ()
    warnings = " ".join(dataset.warnings)
    for said in ("gone.mp4", "1 tasks have no annotation", "1 films had their labelled frames timed by their own"):
        assert said in warnings
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv", "--background", "idle")
    assert facts(read_dataset(export, background="idle")) == facts(read_dataset(tmp_path, background="idle"))


def test_label_studio_by_a_declared_rate(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4")
    box = {"value": {"framesCount": 100, "duration": 4.0, "sequence": []}, "type": "videorectangle"}
    export = write_json(tmp_path / "export.json", [task("a.mp4", region(26, 50, "wave"), box)])
    (film,) = read_dataset(export, background="idle").recordings
    assert film.segments == (Segment(1.0, 2.0, "wave"),)
    (film,) = read_dataset(export, background="idle", frame_rate=12.5).recordings
    assert film.segments == (Segment(2.0, 4.0, "wave"),)
    tasks = [task("a.mp4", region(26, 50, "wave"))]
    tasks[0]["data"]["fps"] = "50"
    (film,) = read_dataset(write_json(export, tasks), background="idle").recordings
    assert film.segments == (Segment(0.5, 1.0, "wave"),)


def test_label_studio_in_seconds_whole_films_and_short_form(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        clip(tmp_path / f"{name}.mp4")
    seconds = {"value": {"start": 1.5, "end": 2.5, "channel": 0, "labels": ["wave"]}, "type": "labels"}
    choice = {"value": {"choices": ["clap"]}, "type": "choices"}
    write_json(tmp_path / "one.json", [task("a.mp4", seconds), task("b.mp4", choice)])
    short = {"video": "c.mp4", "id": 3, "annotator": 1, "tricks": [seconds["value"]]}
    write_json(tmp_path / "two.json", [short])
    dataset = read_dataset(tmp_path)
    found = by_name(dataset)
    assert found["a.mp4"].segments == found["c.mp4"].segments == (Segment(1.5, 2.5, "wave"),)
    assert (found["b.mp4"].segments, found["b.mp4"].fill_background) == ((Segment(*WHOLE, "clap"),), False)


def test_label_studio_takes_the_annotation_that_counts(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4")
    annotations = [
        {"result": [region(1, 25, "first")], "updated_at": "2024-01-03"},
        {"result": [region(1, 25, "truth")], "updated_at": "2024-01-01", "ground_truth": True},
    ]
    export = write_json(
        tmp_path / "e.json", [{"id": 1, "data": {"video": "a.mp4", "fps": 25}, "annotations": annotations}]
    )
    dataset = read_dataset(export, background="idle")
    assert dataset.labels == ("idle", "truth")
    assert any("1 tasks have several annotations" in warning for warning in dataset.warnings)


def test_label_studio_tasks_that_cannot_be_true_are_all_named(tmp_path: Path) -> None:
    toy.write_video(tmp_path / "short.mp4", toy.draw("across", 1, frames=10))
    for name in ("a", "b", "c", "d/same", "e/same"):
        clip(tmp_path / f"{name}.mp4")
    no_ends = {"value": {"ranges": [{}], "timelinelabels": ["x"]}}
    two_labels = region(1, 5, "x")
    two_labels["value"]["timelinelabels"] = ["x", "y"]
    tasks = [
        task("short.mp4", region(5, 300, "x"), number=11),
        task("a.mp4", region(1, 9, "x"), region(5, 12, "y"), number=12),
        task("b.mp4", two_labels, number=13),
        task("c.mp4", region(9, 5, "x"), number=14),
        task("same.mp4", region(1, 5, "x"), number=15),
        task("c.mp4", no_ends, number=16),
        task("c.mp4", region(1, 5, "x"), number=18),
        task("c.mp4", region(math.inf, 5, "x"), number=19),  # type: ignore[arg-type]
        {"id": 17, "data": {"text": "hello"}, "annotations": [{"result": []}]},
    ]
    for one in tasks[1:8]:
        one["data"]["fps"] = 25
    tasks[6]["data"]["fps"] = -5
    with pytest.raises(DataError, match="9 things to correct") as caught:
        read_dataset(write_json(tmp_path / "export.json", tasks), background="idle")
    for said in (
        "task 11: frames 5 to 300 are labelled 'x', but",
        "task 12: 'y' starts at 0.16 s, before 'x' ends",
        "task 13: a region has 2 labels (x, y)",
        "task 14: frames 9 to 5 ('x') are not a range",
        "task 15: 2 files are called same.mp4",
        "task 16: it is not what Label Studio exports",
        "task 17: no field of its data names a video",
        "task 18: it says that the film has -5 frames per second",
        "task 19: it is not what Label Studio exports (OverflowError",
    ):
        assert said in str(caught.value)


def test_no_layout_where_there_is_none(tmp_path: Path, cli: Cli) -> None:
    clip(tmp_path / "wave/a.mp4")
    clip(tmp_path / "clap/b.mp4")
    write_json(tmp_path / "notes.json", {"annotations": []})
    (tmp_path / "broken.json").write_text("{")
    toy.write_csv(tmp_path / "people.csv", "name,age", [("ann", 3)])
    assert read_dataset(tmp_path).labels == ("clap", "wave")
    for name in ("ucf101", "hmdb51", "kinetics", "label-studio"):
        code, _, errors = cli("data", "import", tmp_path, "--layout", name, "--output", tmp_path / "m.csv")
        assert (code, errors.count("\n")) == (1, 1)
        assert str(tmp_path) in errors
    assert cli("data", "import", tmp_path, "--layout", "imagenet", "--output", "x.csv")[0] == 2


def test_a_manifest_is_written_whole_above_all_clips_or_not_at_all(tmp_path: Path) -> None:
    first = Recording(
        clip(tmp_path / "a/é b.mp4"), "a/é b.mp4", (Segment(0.1, 1 / 3, 'say "hi", $HOME/🙂'),), "g", "train"
    )
    assert write_manifest(tmp_path / "m.csv", [first]) == 1
    nothing = clip(tmp_path / "none/n.mp4").parent
    again = read_dataset(tmp_path / "m.csv", negatives=nothing).recordings[0]
    assert (again.segments, again.group, again.split) == (first.segments, "g", "train")
    with pytest.raises(DataError, match="lies outside of"):
        write_manifest(tmp_path / "elsewhere/m.csv", [first])
    assert not (tmp_path / "elsewhere").exists()
