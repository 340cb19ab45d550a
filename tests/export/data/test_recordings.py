from __future__ import annotations

import math
import os
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
        ("place,kind", [("a.mp4", "x")], r"the header lacks path, label; columns found: place, kind"),
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


def test_paths_that_are_no_data_set(tmp_path: Path) -> None:
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


def test_all_bad_rows_are_named_at_once(tmp_path: Path) -> None:
    for name in "ab":
        clip(tmp_path / f"{name}.mp4")
    rows: list[tuple[object, ...]] = [("a.mp4", "x", 0, 1, "")]
    rows += [("gone.mp4", "x", 0, 1, ""), ("a.mp4", "y", 3, 2, ""), ("b.mp4", "", 0, 1, "")]
    rows += [("b.mp4", "y", "nan", 1, "")]
    rows += [("b.mp4", "x", 5, 6, "exam"), ("a.mp4", "x", 0.5, 2, "")]
    manifest = write_csv(tmp_path / "manifest.csv", "path,label,start,end,split", rows)
    with pytest.raises(DataError) as caught:
        read_dataset(manifest)
    messages = str(caught.value)
    assert messages.startswith(f"{manifest}: 6 things to correct: row 3: no file")
    for said in (
        "row 4: end 2.0",
        "row 5: the label is",
        "row 6: start nan",
        "row 7: split 'exam'",
        "a.mp4: 'x' starts",
    ):
        assert said in messages
    write_csv(manifest, "path,label", [(f"{number}.mp4", "x") for number in range(5000)])
    with pytest.raises(DataError, match=r"5000 things to correct: row 2: .*row 11: .*; and 4990 more$") as caught:
        read_dataset(manifest)
    assert len(str(caught.value)) < 3000


def test_bad_timelines_of_several_films_are_named_at_once(tmp_path: Path) -> None:
    for name, row in (("a", (1, "x", "y")), ("b", (3, 2, "y")), ("c", (1, 2, "y"))):
        clip(tmp_path / f"{name}.mp4")
        write_csv(tmp_path / f"{name}.csv", "start,end,label", [row, (5, 6, "y")])
    (tmp_path / "c.csv").write_text("start,label\n1,y\n")
    with pytest.raises(DataError, match="3 things to correct") as caught:
        read_dataset(tmp_path)
    for said in ("a.csv, row 2: 'x' is not a time", "b.csv, row 2: end 2.0", "c.csv: the header lacks end"):
        assert said in str(caught.value)


@pytest.mark.parametrize("path", ["../../etc/passwd", "../secret.mp4", "/etc/hostname", "films/../../secret.mp4"])
def test_a_manifest_does_not_reach_out_of_its_data_set(tmp_path: Path, path: str) -> None:
    clip(tmp_path / "secret.mp4")
    clip(tmp_path / "data/films/a.mp4")
    rows: list[tuple[object, ...]] = [("films/a.mp4", "x"), (path, "y")]
    manifest = write_csv(tmp_path / "data/manifest.csv", "path,label", rows)
    with pytest.raises(DataError, match=r"manifest\.csv, row 3: .* lies outside of .*put a link to it") as caught:
        read_dataset(manifest)
    assert path in str(caught.value)
    # Beside it is outside; what the same folder links to is what somebody has meant.
    (tmp_path / "data/linked.mp4").symlink_to(tmp_path / "secret.mp4")
    write_csv(manifest, "path,label", [("films/a.mp4", "x"), ("linked.mp4", "y")])
    assert len(read_dataset(manifest).recordings) == 2
    # In a larger data set a manifest may name its neighbours.
    manifest.unlink()
    clip(tmp_path / "data/lists/b.mp4")
    write_csv(tmp_path / "data/lists/manifest.csv", "path,label", [("../linked.mp4", "y"), ("b.mp4", "z")])
    (tmp_path / "data/linked.mp4").rename(tmp_path / "data/films/linked.mp4")
    rows = [("../films/linked.mp4", "y"), ("../films/a.mp4", "z"), ("b.mp4", "z")]
    write_csv(tmp_path / "data/lists/manifest.csv", "path,label", rows)
    (tmp_path / "data/films").rename(tmp_path / "data/.films")
    rows = [(f"../.{str(path)[3:]}" if "films" in str(path) else path, label) for path, label in rows]
    write_csv(tmp_path / "data/lists/manifest.csv", "path,label", rows)
    assert len(read_dataset(tmp_path / "data").recordings) == 3


def test_labels_of_any_characters_but_those_that_break_lists(tmp_path: Path) -> None:
    labels = [
        "🙂",
        'say "hi"',
        "it's",
        "a/b",
        "a\\b",
        "$HOME",
        "%s",
        "\u00e4",
        "[bold]x[/]",
        "a,b",
        "-1",
        "x" * 500,
    ]
    rows: list[tuple[object, ...]] = []
    for number, label in enumerate(labels):
        clip(tmp_path / f"{number}.mp4")
        rows.append((f"{number}.mp4", label))
    manifest = write_csv(tmp_path / "manifest.csv", "path,label", rows)
    assert read_dataset(manifest).labels == tuple(sorted(labels))
    assert Segment(0, 1, "a\u0308").label == "\u00e4"  # they look alike, so they are one label
    for label in ("a\u2028b", "a\x85b", "a\x0bb", "a\x00b", "tab\tbed"):
        with pytest.raises(DataError, match=r"line break|control character"):
            Segment(0, 1, label)
    with pytest.raises(DataError, match="the label is empty"):
        Segment(0, 1, "   ")
    clip(tmp_path / "data/ok/a.mp4")
    clip(tmp_path / "data" / os.fsdecode(b"caf\xe9") / "b.mp4")
    with pytest.raises(DataError, match="not UTF-8"):
        read_dataset(tmp_path / "data")


def test_a_class_folder_without_clips_is_told(tmp_path: Path) -> None:
    for name in ("wave/a.mp4", "clap/b.mp4", "wave/deeper/c.mp4"):
        clip(tmp_path / name)
    (tmp_path / "jump" / "deeper").mkdir(parents=True)
    clip(tmp_path / "run" / "notes.txt")
    (tmp_path / ".cache").mkdir()
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("clap", "wave")
    assert [warning.split(" holds")[0] for warning in dataset.warnings] == ["the folder jump", "the folder run"]


def test_one_name_in_several_folders_is_several_recordings(tmp_path: Path) -> None:
    for name in ("wave/ann/1.mp4", "wave/ben/1.mp4", "clap/1.mp4", "clap/1.avi"):
        clip(tmp_path / name)
    dataset = read_dataset(tmp_path)
    assert len({recording.name for recording in dataset.recordings}) == 4
    assert len({recording.group for recording in dataset.recordings}) == 4


def test_negatives_become_background(tmp_path: Path) -> None:
    for name in ("data/wave/a.mp4", "data/clap/b.mp4", "quiet/hall/1.mp4", "quiet/hall/2.mp4", "quiet/yard.mp4"):
        clip(tmp_path / name)
    data, quiet = tmp_path / "data", tmp_path / "quiet"
    dataset = read_dataset(data, negatives=quiet)
    assert (dataset.labels, dataset.background) == (("background", "clap", "wave"), "background")
    found = [recording for recording in dataset.recordings if recording.path.is_relative_to(quiet)]
    assert {recording.segments for recording in found} == {(Segment(0, math.inf, "background"),)}
    assert sorted(recording.group for recording in found) == ["quiet/hall", "quiet/hall", "quiet/yard.mp4"]
    assert read_dataset(data, negatives=quiet, background="nothing").labels == ("clap", "nothing", "wave")
    clip(tmp_path / "data/Idle/c.mp4")
    assert read_dataset(data, negatives=quiet).labels == ("Idle", "clap", "wave")
    (quiet / "again.mp4").symlink_to(data / "wave/a.mp4")
    with pytest.raises(DataError, match="comes in twice"):
        read_dataset(data, negatives=quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no video"):
        read_dataset(data, negatives=tmp_path / "empty")


def test_the_gaps_column(tmp_path: Path) -> None:
    for name in "abc":
        clip(tmp_path / f"{name}.mp4")
    rows: list[tuple[object, ...]] = [("a.mp4", "x", 1, 2, "background"), ("b.mp4", "", "", "", "background")]
    manifest = write_csv(tmp_path / "m.csv", "path,label,start,end,gaps", [*rows, ("c.mp4", "x", "", "", "")])
    first, second, third = read_dataset(manifest, background="idle").recordings
    assert [one.fill_background for one in (first, second, third)] == [True, True, False]
    assert second.segments == ()
    write_csv(manifest, "path,label,gaps", [("a.mp4", "x", "maybe")])
    with pytest.raises(DataError, match="gaps 'maybe' is neither"):
        read_dataset(manifest)


def test_a_long_film_with_many_segments(tmp_path: Path) -> None:
    """Thirty thousand segments of one film, out of order: comparing each with each would take minutes."""
    clip(tmp_path / "film.mp4")
    order = np.random.default_rng(0).permutation(30_000).tolist()
    rows: list[tuple[object, ...]] = [("film.mp4", "xy"[at % 2], at, at + 1) for at in order]
    (film,) = read_dataset(write_csv(tmp_path / "m.csv", "path,label,start,end", rows)).recordings
    assert len(film.segments) == 30_000
    assert film.segments[:2] == (Segment(0, 1, "x"), Segment(1, 2, "y"))


def test_lists_that_others_made_are_read_by_other_names_of_columns(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    rows = [("a.mp4", "wave", "ann", "roof"), ("b.mp4", "idle", "ben", "yard")]
    manifest = write_csv(tmp_path / "list.csv", "Video,Action,Subject,camera", list(rows))
    found = {recording.name: recording for recording in read_dataset(manifest).recordings}
    assert {name: recording.group for name, recording in found.items()} == {"a.mp4": "ann", "b.mp4": "ben"}
    assert found["a.mp4"].segments[0].label == "wave"
    by_camera = read_dataset(manifest, group_column="Camera").recordings
    assert [recording.group for recording in by_camera] == ["roof", "yard"]
    by_subject = read_dataset(manifest, group_column="subject").recordings  # by its own name as well
    assert [recording.group for recording in by_subject] == ["ann", "ben"]
    with pytest.raises(DataError, match=r"lacks place; columns found: video, action, subject, camera"):
        read_dataset(manifest, group_column="place")
    # A column called group goes before one called subject.
    both = write_csv(tmp_path / "both.csv", "path,label,subject,group", [(*row[:3], "g") for row in rows])
    assert {recording.group for recording in read_dataset(both).recordings} == {"g"}
    by_subject = read_dataset(both, group_column="subject").recordings
    assert [recording.group for recording in by_subject] == ["ann", "ben"]
