"""Folders above clips: which are classes, which splits, which people; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from framestream.errors import DataError
from framestream_export.data.recordings import Dataset, read_dataset
from framestream_export.data.split_names import split_named
from tests.export import toy
from tests.export.conftest import Cli
from tests.export.data.test_recordings import clip

CLASSES = ("bend", "idle", "wave")


def laid_out(root: Path, pattern: str, *, splits: tuple[str, ...] = (), people: tuple[str, ...] = ()) -> Path:
    """Two clips for each combination of the names that a pattern such as "{split}/{label}" asks for."""
    for split in splits or ("",):
        for person in people or ("",):
            for label in CLASSES:
                folder = root / pattern.format(split=split, person=person, label=label)
                for number in range(2):
                    clip(folder / f"{number}.mp4")
    return root


def by_split(dataset: Dataset) -> dict[str | None, int]:
    splits = [recording.split for recording in dataset.recordings]
    return {split: splits.count(split) for split in set(splits)}


@pytest.mark.parametrize("pattern", ["{split}/{label}", "{label}/{split}", "{split}/{label}/deeper"])
@pytest.mark.parametrize(
    ("splits", "meant"),
    [
        (("train", "test"), ("train", "test")),
        (("train", "val", "test"), ("train", "validation", "test")),
        (("Training", "VALID"), ("train", "validation")),
        (("train_set", "test_set"), ("train", "test")),
        (("trainset", "testset", "validation-data"), ("train", "test", "validation")),
        (("UCF101_train", "UCF101_test"), ("train", "test")),
    ],
)
def test_splits_are_recognised(tmp_path: Path, pattern: str, splits: tuple[str, ...], meant: tuple[str, ...]) -> None:
    dataset = read_dataset(laid_out(tmp_path, pattern, splits=splits))
    assert dataset.labels == CLASSES
    assert by_split(dataset) == dict.fromkeys(meant, 6)
    (said,) = dataset.warnings
    assert all(name in said for name in (*splits, *CLASSES))


@pytest.mark.parametrize("pattern", ["{person}/{label}", "{label}/{person}"])
@pytest.mark.parametrize(
    "people",
    [
        ("Subject 1", "Subject 2", "Subject 3"),
        ("person01", "person02"),
        ("s01", "s02", "s10"),
        ("P-1", "P-2"),
        ("Actor_A", "Actor_B"),
    ],
)
def test_people_are_groups(tmp_path: Path, pattern: str, people: tuple[str, ...]) -> None:
    dataset = read_dataset(laid_out(tmp_path, pattern, people=people))
    assert dataset.labels == CLASSES
    assert {recording.group for recording in dataset.recordings} == set(people)
    assert by_split(dataset) == {None: 6 * len(people)}
    assert "groups, kept in one split each," in dataset.warnings[0]


@pytest.mark.parametrize(
    "people", [("ann", "ben", "cid"), ("Home_01", "Home_02"), ("2021-03-04", "2021-03-05"), ("1", "2")]
)
def test_folders_of_the_same_classes_are_groups_if_names_decide(tmp_path: Path, people: tuple[str, ...]) -> None:
    dataset = read_dataset(laid_out(tmp_path, "{person}/{label}", people=people))
    assert (dataset.labels, {recording.group for recording in dataset.recordings}) == (CLASSES, set(people))


@pytest.mark.parametrize(
    "pattern",
    ["{split}/{person}/{label}", "{person}/{split}/{label}", "{label}/{split}/{person}", "{person}/{label}/{split}"],
)
def test_splits_and_people_together(tmp_path: Path, pattern: str) -> None:
    laid_out(tmp_path, pattern, splits=("train", "test"), people=("S1", "S2"))
    dataset = read_dataset(tmp_path)
    assert dataset.labels == CLASSES
    assert {recording.group for recording in dataset.recordings} == {"S1", "S2"}
    assert by_split(dataset) == {"train": 12, "test": 12}


def test_a_class_that_is_called_as_a_split_is_stays_a_class(tmp_path: Path) -> None:
    for name in ("train/1.mp4", "train/2.mp4", "bus/1.mp4", "car/1.mp4"):
        clip(tmp_path / name)
    dataset = read_dataset(tmp_path)
    assert (dataset.labels, by_split(dataset)) == (("bus", "car", "train"), {None: 4})
    assert dataset.warnings == ("the folder train is a class here, beside bus, car, not a split",)
    # Within splits as well, and where everything is numbered.
    for split in ("train", "test"):
        for name in ("train", "bus"):
            clip(tmp_path / "more" / split / name / "1.mp4")
    dataset = read_dataset(tmp_path / "more")
    assert (dataset.labels, by_split(dataset)) == (("bus", "train"), {"train": 2, "test": 2})


@pytest.mark.parametrize(
    "names",
    [
        ("wave/ann/1.mp4", "wave/ben/1.mp4", "clap/1.mp4"),
        ("wave/take1/1.mp4", "wave/take2/1.mp4", "clap/take1/1.mp4", "clap/take2/1.mp4"),
        ("wave/raw/1.mp4", "clap/raw/1.mp4", "clap/rgb/1.mp4", "wave/rgb/1.mp4"),
        ("wave/videos/1.mp4", "clap/videos/2.mp4"),
        ("wave/person1/1.mp4", "clap/person1/2.mp4"),
        ("wave/g01/1.mp4", "wave/g02/1.mp4", "clap/g01/1.mp4", "clap/g02/1.mp4"),
    ],
)
def test_plain_class_folders_stay_what_they_were(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        clip(tmp_path / name)
    dataset = read_dataset(tmp_path)
    assert (dataset.labels, dataset.warnings) == (("clap", "wave"), ())
    assert len({recording.group for recording in dataset.recordings}) == len(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("train/1.mp4", "test/2.mp4"), "named after splits, and no folders in them name classes"),
        (("train/train/1.mp4", "train/test/2.mp4"), "named after splits, and no folders in them name classes"),
        (("s01/1.mp4", "s02/2.mp4"), "named after people, and no folders in them name classes"),
        (("train/s01/1.mp4", "test/s02/2.mp4"), "named after people"),
        (("session_1/1.mp4", "session_2/2.mp4"), "named after places or takes, and no folders in them name classes"),
        (("Home_01/Videos/1.avi", "Coffee_room_01/Videos/1.avi"), "named after places or takes"),
        (("person01/w/1.mp4", "person02/c/1.mp4", "notes/w/1.mp4"), "beside them lies notes, which is not: move it"),
        (("train/a/1.mp4", "test/a/2.mp4", "extra/b/3.mp4"), "beside them lies extra, which is none"),
        (("ann/wave/1.mp4", "ann/clap/2.mp4", "ben/wave/3.mp4", "ben/clap/4.mp4"), "each of both might be the classes"),
        (
            ("train/ann/wave/1.mp4", "train/ann/clap/2.mp4", "test/ben/wave/3.mp4", "test/ben/clap/4.mp4"),
            "2 for ann, ben and 3",
        ),
        (("ann/wave/1.mp4", "ann/clap/2.mp4", "ben/wave/3.mp4"), "each of both might be the classes"),
        (
            ("fold_1/train/a/1.mp4", "fold_1/test/b/1.mp4", "fold_2/test/a/1.mp4", "fold_2/train/b/1.mp4"),
            "give one of them",
        ),
    ],
)
def test_what_could_be_trained_on_wrongly_is_refused(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    for name in names:
        clip(tmp_path / name)
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_person_may_say_which_folders_are_the_classes(tmp_path: Path, cli: Cli) -> None:
    for name in ("ann/wave/1.mp4", "ann/clap/2.mp4", "ben/wave/3.mp4", "ben/clap/4.mp4"):
        clip(tmp_path / name)
    inner = read_dataset(tmp_path, class_level=2)
    assert (inner.labels, {one.group for one in inner.recordings}) == (("clap", "wave"), {"ann", "ben"})
    assert read_dataset(tmp_path, class_level=1).labels == ("ann", "ben")
    with pytest.raises(DataError, match="there is no level 3 of folders"):
        read_dataset(tmp_path, class_level=3)
    manifest = tmp_path / "manifest.csv"
    code, _, errors = cli("data", "import", tmp_path, "--class-level", 2, "--output", manifest)
    assert code == 0
    assert "classes clap, wave" in errors
    assert {one.group for one in read_dataset(tmp_path).recordings} == {"ann", "ben"}
    code, _, errors = cli("data", "check", manifest, "--class-level", 2)
    assert (code, "--class-level means nothing" in errors) == (1, True)


def test_a_clip_that_lies_above_the_classes_is_named(tmp_path: Path) -> None:
    laid_out(tmp_path, "{split}/{label}", splits=("train", "test"))
    clip(tmp_path / "train/lost.mp4")
    with pytest.raises(DataError, match=r"lost\.mp4 has no label: put it into <split>/<class>"):
        read_dataset(tmp_path)


def test_lists_and_timelines_in_split_folders_take_their_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        clip(tmp_path / split / "a.mp4")
        toy.write_csv(tmp_path / split / "manifest.csv", "path,label", [("a.mp4", f"in {split}")])
        clip(tmp_path / split / "films" / "f.mp4")
    dataset = read_dataset(tmp_path)
    assert {recording.split for recording in dataset.recordings} == {"train", "test"}
    for split in ("train", "test"):
        (tmp_path / split / "manifest.csv").unlink()
        toy.write_csv(tmp_path / split / "a.csv", "start,end,label", [(0, 1, "x"), (1, 2, "y")])
        (tmp_path / split / "films" / "f.mp4").unlink()
    assert by_split(read_dataset(tmp_path)) == {"train": 1, "test": 1}


def test_films_with_timelines_in_folders_of_people_are_groups(tmp_path: Path) -> None:
    for person in ("s01", "s02"):
        for number in (1, 2):
            clip(tmp_path / person / f"{number}.mp4")
            toy.write_csv(tmp_path / person / f"{number}.csv", "start,end,label", [(0, 1, "x"), (1, 2, "y")])
    assert {recording.group for recording in read_dataset(tmp_path).recordings} == {"s01", "s02"}


def test_lists_of_other_names(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        clip(tmp_path / split / "a.mp4")
        toy.write_csv(tmp_path / split / "metadata.csv", "file_name,label", [("a.mp4", f"in {split}")])
    dataset = read_dataset(tmp_path)
    assert {(one.segments[0].label, one.split) for one in dataset.recordings} == {
        ("in train", "train"),
        ("in validation", "validation"),
    }
    toy.write_csv(tmp_path / "train/metadata.csv", "camera,lens", [("a", "wide")])
    (tmp_path / "validation/metadata.csv").rename(tmp_path / "validation/mine.csv")
    with pytest.raises(DataError, match=r"mine\.csv \(which can be given as DATA\)"):
        read_dataset(tmp_path)


def test_one_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    for name in ("UCF-101/wave/1.mp4", "UCF-101/clap/2.mp4"):
        clip(tmp_path / name)
    with pytest.raises(DataError, match=r"if the folders in it are the classes \(clap, wave\), give .*UCF-101 as DATA"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("pattern", ["data/{split}/{label}", "data/{person}/{label}", "data/{split}/{person}/{label}"])
def test_one_folder_around_splits_or_people_says_nothing(tmp_path: Path, pattern: str) -> None:
    people = ("s1", "s2") if "person" in pattern else ()
    laid_out(tmp_path, pattern, splits=("train", "test") if "split" in pattern else (), people=people)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == CLASSES
    assert by_split(dataset).keys() == ({"train", "test"} if "split" in pattern else {None})


def test_names_that_are_no_splits() -> None:
    for name in ("training shoes", "test cricket", "trains", "valley", "latest", "films", "", "contrail"):
        assert split_named(name) is None
    for name in ("train", "TRAIN", "train videos", "trainlist01", "training-set", "test_frames", "dev"):
        assert split_named(name) is not None


def test_a_manifest_says_itself_what_the_splits_of_its_files_are(tmp_path: Path) -> None:
    for name in ("train/a.mp4", "test/b.mp4"):
        clip(tmp_path / name)
    toy.write_csv(tmp_path / "manifest.csv", "path,label", [("train/a.mp4", "x"), ("test/b.mp4", "y")])
    assert by_split(read_dataset(tmp_path)) == by_split(read_dataset(tmp_path / "manifest.csv")) == {None: 2}


def test_lists_of_splits_beside_class_folders_in_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        rows: list[tuple[object, ...]] = []
        for label in ("wave", "clap"):
            clip(tmp_path / split / label / f"{label}{split}.mp4")
            rows.append((f"{label}{split}.avi", label))
        toy.write_csv(tmp_path / f"{split}.csv", "video_name,tag", rows)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("clap", "wave")
    assert by_split(dataset) == {"train": 2, "test": 2}


def test_a_list_for_each_split_may_give_groups(tmp_path: Path) -> None:
    for name in "abcd":
        clip(tmp_path / f"{name}.mp4")
    toy.write_csv(tmp_path / "train.csv", "clip,class,camera", [("a", "x", "roof"), ("b", "y", "yard")])
    toy.write_csv(tmp_path / "test.csv", "clip,class,camera", [("c", "x", "hall"), ("d", "y", "hall")])
    dataset = read_dataset(tmp_path, group_column="camera")
    assert {one.group for one in dataset.recordings} == {"roof", "yard", "hall"}


@pytest.mark.parametrize("header", ["video_name,tag", ",video_name,tag", "Video Name,Tag"])
def test_a_list_for_each_split_beside_the_folders_they_name(tmp_path: Path, cli: Cli, header: str) -> None:
    indexed = header.startswith(",")
    for split in ("train", "test"):
        rows: list[tuple[object, ...]] = []
        for label in ("CricketShot", "Punch"):
            for number in range(1, 5):
                name = f"v_{label}_g{number + 10 * (split == 'test'):02}_c01.avi"
                toy.write_video(tmp_path / split / name, toy.draw("across", number, frames=25))
                rows.append((len(rows), name, label) if indexed else (name, label))
        toy.write_csv(tmp_path / f"{split}.csv", header, rows)
    dataset = read_dataset(tmp_path)
    assert (dataset.labels, dataset.layout) == (("CricketShot", "Punch"), "split-lists")
    assert by_split(dataset) == {"train": 8, "test": 8}
    assert "CricketShot_g12" in {recording.group for recording in dataset.recordings}
    code, out, _ = cli("data", "check", tmp_path)
    assert code == 0
    assert "splits are those of the lists test.csv, train.csv" in out


def test_lists_that_are_not_understood_are_named(tmp_path: Path) -> None:
    clip(tmp_path / "train/1.avi")
    clip(tmp_path / "test/2.avi")
    toy.write_csv(tmp_path / "train.csv", "what,kind", [("1.avi", "wave")])
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(DataError, match=r"were not read: labels\.json, train\.csv \(columns what, kind\)"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("person{:02}_boxing_d1_uncomp.avi", {"person01", "person02", "person03"}),
        ("v_Bend_g{:02}_c0{}.avi", {"Bend_g01", "Bend_g02", "Bend_g03"}),
        ("S001C001P{:03}R001A00{}_rgb.avi", {"P001", "P002", "P003"}),
        ("Cook_p{:02}_r0{}_v02_c03.mp4", {"p01", "p02", "p03"}),
        ("clip{:02}_{}.avi", None),
        ("s{:02}_{}.avi", None),
    ],
)
def test_people_and_sources_in_names_of_clips_are_groups(tmp_path: Path, name: str, groups: set[str] | None) -> None:
    for number in (1, 2, 3):
        for label in ("wave", "bend"):
            clip(tmp_path / label / name.format(number, 1))
    dataset = read_dataset(tmp_path)
    names = {recording.name for recording in dataset.recordings}
    assert {recording.group for recording in dataset.recordings} == (groups or names)
    assert ("the names of files give groups" in " ".join(dataset.warnings)) == bool(groups)
    # What only some names say is no group.
    clip(tmp_path / "wave/other.avi")
    assert "the names of files" not in " ".join(read_dataset(tmp_path).warnings)


def test_numbered_splits(tmp_path: Path) -> None:
    for split in ("train1", "train2", "test1"):
        for label in ("wave", "bend"):
            clip(tmp_path / split / label / "a.avi")
    dataset = read_dataset(tmp_path)
    assert (dataset.labels, by_split(dataset)) == (("bend", "wave"), {"train": 4, "test": 2})


def test_what_systems_put_beside_clips_is_left_out(tmp_path: Path) -> None:
    for name in ("wave/a.avi", "bend/b.avi", "bend /c.avi", "__MACOSX/wave/a.avi", "@eaDir/a.avi"):
        clip(tmp_path / name)
    (tmp_path / "wave/Thumbs.db").touch()
    dataset = read_dataset(tmp_path)
    assert (dataset.labels, len(dataset.recordings), dataset.warnings) == (("bend", "wave"), 3, ())


def test_footage_that_is_not_read_is_named(tmp_path: Path) -> None:
    for name in ("wave/a.avi", "bend/b.avi", "bend/c.vob"):
        clip(tmp_path / name)
    for name in ("wave/x.dav", "wave/y.DAV", "bend/clips.zip", "all.zip"):
        (tmp_path / name).touch()
    dataset = read_dataset(tmp_path)
    assert len(dataset.recordings) == 3
    assert "3 files such as" in dataset.warnings[0]
    assert "are of kinds that are not read (2 .dav, 1 .zip), and left out" in dataset.warnings[0]


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.srt", "a.mp4.csv"])
def test_what_lies_beside_a_film_without_a_label_is_named(tmp_path: Path, name: str) -> None:
    clip(tmp_path / "a.mp4")
    (tmp_path / name).write_text("frame,label\n1,wave\n")
    what = r" \(its columns are frame, label\)" if name.endswith(".csv") else ""
    with pytest.raises(DataError, match=rf"a timeline a\.csv \(start,end,label\); {name} is not read{what}"):
        read_dataset(tmp_path)
