from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from framestream.errors import DataError
from framestream_export.data.frame_cache import UNLABELLED, frame_labels
from framestream_export.data.recordings import Segment, read_dataset
from tests.export.toy import write_csv


def clip(path: Path) -> Path:
    """A file with a video's name; reading a data set decodes nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_class_folders(tmp_path: Path) -> None:
    for name in ("wave/b.mp4", "wave/a.MOV", "idle/deep/c.avi", "idle/notes.txt", "idle/.hidden.mp4"):
        clip(tmp_path / name)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("idle", "wave")
    assert dataset.background == "idle"
    assert {recording.name: recording.segments for recording in dataset.recordings} == {
        "idle/deep/c.avi": (Segment(0, math.inf, "idle"),),
        "wave/a.MOV": (Segment(0, math.inf, "wave"),),
        "wave/b.mp4": (Segment(0, math.inf, "wave"),),
    }
    assert len({recording.group for recording in dataset.recordings}) == 3


def test_manifest_joins_rows_of_one_file(tmp_path: Path) -> None:
    clip(tmp_path / "films/one.mp4")
    clip(tmp_path / "films/two.mp4")
    manifest = write_csv(
        tmp_path / "list.csv",
        "path,label,start,end,split,group",
        [
            ("films/one.mp4", "wave", 4, 6.5, "train", "ann"),
            ("films/two.mp4", "clap", "", "", "test", "ben"),
            ("films/one.mp4", "clap", 1, 4, "train", "ann"),
        ],
    )
    first, second = read_dataset(manifest).recordings
    assert first.segments == (Segment(1, 4, "clap"), Segment(4, 6.5, "wave"))
    assert (first.split, first.group) == ("train", "ann")
    assert (second.segments, second.split) == ((Segment(0, math.inf, "clap"),), "test")


def test_one_file_in_several_spellings_is_one_recording(tmp_path: Path) -> None:
    film = clip(tmp_path / "films/one.mp4")
    (tmp_path / "link.mp4").symlink_to(film)
    spellings = ["films/one.mp4", "./films/one.mp4", "films/../films/one.mp4", film, "link.mp4"]
    rows: list[tuple[object, ...]] = [(path, f"label-{at}", at, at + 1) for at, path in enumerate(spellings)]
    (recording,) = read_dataset(write_csv(tmp_path / "manifest.csv", "path,label,start,end", rows)).recordings
    assert [segment.label for segment in recording.segments] == [f"label-{at}" for at in range(5)]
    assert recording.name == "films/one.mp4"
    rows = [("films/one.mp4", "x", 0, 2), ("./films/one.mp4", "y", 1, 3)]
    with pytest.raises(DataError, match="segments must not overlap"):
        read_dataset(write_csv(tmp_path / "manifest.csv", "path,label,start,end", rows))


def test_one_file_in_two_manifests_is_an_error_that_names_both(tmp_path: Path) -> None:
    clip(tmp_path / "one/a.mp4")
    first = write_csv(tmp_path / "one/manifest.csv", "path,label,split", [("a.mp4", "x", "train")])
    second = write_csv(tmp_path / "two/manifest.csv", "path,label,split", [("../one/a.mp4", "y", "test")])
    with pytest.raises(DataError, match="comes in twice") as caught:
        read_dataset(tmp_path)
    assert f"by {first} and by {second}" in str(caught.value)


def test_linked_class_folders_are_followed_and_hidden_ones_are_not_classes(tmp_path: Path) -> None:
    clip(tmp_path / "elsewhere/a.mp4")
    data = tmp_path / "data"
    for name in ("wave/b.mp4", ".cache/c.mp4", "wave/.thumbnails/d.mp4"):
        clip(data / name)
    (data / "clap").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (data / "wave" / "back").symlink_to(data, target_is_directory=True)
    (tmp_path / "elsewhere" / "again").symlink_to(data / "clap", target_is_directory=True)
    dataset = read_dataset(data)
    assert dataset.labels == ("clap", "wave")
    assert sorted(recording.name for recording in dataset.recordings) == ["clap/a.mp4", "wave/b.mp4"]


def test_manifest_may_begin_with_blank_lines(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4")
    clip(tmp_path / "b.mp4")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n , \npath,label\na.mp4,x\n\nb.mp4\nb.mp4,y\n")
    with pytest.raises(DataError, match="row 6: the label is empty"):
        read_dataset(manifest)
    manifest.write_text("\n,\nPath, Label \na.mp4,x\n\nb.mp4,y,beyond the header\n")
    assert read_dataset(manifest).labels == ("x", "y")


def test_timeline_leaves_the_rest_to_the_background(tmp_path: Path) -> None:
    clip(tmp_path / "film.mp4")
    write_csv(tmp_path / "film.csv", "start,end,label", [(1, 2, "wave")])
    clip(tmp_path / "idle/still.mp4")
    dataset = read_dataset(tmp_path)
    film = next(recording for recording in dataset.recordings if recording.fill_background)
    times = np.array([0.0, 0.99, 1.0, 1.99, 2.0])
    labels = frame_labels(film, times, dataset.labels, background=dataset.background)
    assert [dataset.labels[label] for label in labels] == ["idle", "idle", "wave", "wave", "idle"]
    assert frame_labels(film, times, dataset.labels, background=None).tolist() == [
        UNLABELLED,
        UNLABELLED,
        1,
        1,
        UNLABELLED,
    ]


def test_everything_mixed_under_one_directory(tmp_path: Path) -> None:
    clip(tmp_path / "wave/a.mp4")
    clip(tmp_path / "films/f.mp4")
    write_csv(tmp_path / "films/f.csv", "start,end,label", [(0, 1, "clap")])
    clip(tmp_path / "listed/x.mp4")
    clip(tmp_path / "listed/not-in-the-manifest.mp4")
    write_csv(tmp_path / "listed/manifest.csv", "path,label", [("x.mp4", "bend")])
    dataset = read_dataset(tmp_path, background="still")
    assert dataset.labels == ("bend", "clap", "still", "wave")
    assert [recording.name for recording in dataset.recordings] == ["films/f.mp4", "listed/x.mp4", "wave/a.mp4"]


def test_manifest_row_without_label_takes_the_timeline(tmp_path: Path) -> None:
    clip(tmp_path / "f.mp4")
    write_csv(tmp_path / "f.csv", "start,end,label", [(0, 1, "clap"), (1, 2, "wave")])
    write_csv(tmp_path / "manifest.csv", "path,label,group", [("f.mp4", "", "ann")])
    (film,) = read_dataset(tmp_path).recordings
    assert (len(film.segments), film.group, film.fill_background) == (2, "ann", True)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("path,label", [("a.mp4", "x"), ("gone.mp4", "y")], r"row 3: no file .*gone\.mp4"),
        ("path,label,start,end", [("a.mp4", "x", 3, 2)], r"row 2: end 2\.0 is not after start 3\.0"),
        ("path,label,start,end", [("a.mp4", "x", "soon", 2)], r"row 2: 'soon' is not a time"),
        ("path,label,start,end", [("a.mp4", "x", -1, 2)], r"row 2: start -1\.0 is not a time"),
        ("path,label,start", [("a.mp4", "x", "nan")], r"row 2: start nan is not a time"),
        ("path,label,start,end", [("a.mp4", "x", 0, 2), ("a.mp4", "y", 1, 3)], r"a\.mp4: 'y' starts at 1\.0 s, before"),
        ("path,label,split", [("a.mp4", "x", "exam")], r"row 2: split 'exam' is none of train, validation, test"),
        ("path,label,split", [("a.mp4", "x", "test"), ("a.mp4", "y", "train")], r"row 3: an earlier row"),
        ("path,label", [("a.mp4", "")], r"row 2: the label is empty"),
        ("path,label", [("", "x")], r"row 2: the path is empty"),
        ("file,class", [("a.mp4", "x")], r"the header lacks path, label; columns found: file, class"),
        ("path,label", [("a.mp4", "x\ny")], r"row 3: the label 'x\\ny' has a line break"),
        ("path,label", [("a.mp4", "x"), ("b.mp4", "x")], r"one class only \(x\)"),
        ("path,label", [], r"lists no clips"),
    ],
)
def test_manifest_that_cannot_be_true(
    tmp_path: Path, header: str, rows: list[tuple[object, ...]], message: str
) -> None:
    clip(tmp_path / "a.mp4")
    clip(tmp_path / "b.mp4")
    manifest = write_csv(tmp_path / "manifest.csv", header, rows)
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(manifest)
    assert str(tmp_path) in str(caught.value)


def test_places_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_dataset(tmp_path / "gone")
    with pytest.raises(DataError, match="holds no clips"):
        read_dataset(tmp_path)
    with pytest.raises(DataError, match="neither a directory"):
        read_dataset(clip(tmp_path / "film.mp4"))
    with pytest.raises(DataError, match=r"film\.mp4 has no label"):
        read_dataset(tmp_path)


def test_background_nobody_shows(tmp_path: Path) -> None:
    clip(tmp_path / "wave/a.mp4")
    clip(tmp_path / "clap/b.mp4")
    assert read_dataset(tmp_path).background is None
    assert read_dataset(tmp_path, background="clap").background == "clap"
    assert read_dataset(tmp_path, background="CLAP").background == "clap"
    clip(tmp_path / "Idle/c.mp4")
    assert read_dataset(tmp_path).background == "Idle"
    assert read_dataset(tmp_path, background="idle").labels == ("Idle", "clap", "wave")
    clip(tmp_path / "idle/d.mp4")
    assert read_dataset(tmp_path).background == "idle"
    (tmp_path / "Idle/c.mp4").unlink()
    (tmp_path / "idle/d.mp4").unlink()
    with pytest.raises(DataError, match="'idle' is on no clip; the labels are clap, wave"):
        read_dataset(tmp_path, background="idle")
