"""Lists of public data sets of which a part is missing, and lists that only divide what folders label."""

from __future__ import annotations

from pathlib import Path

import pytest

from framestream.errors import DataError
from framestream_export.data.recordings import read_dataset
from tests.export.data.layouts.test_layouts import by_name, lines, write_ucf
from tests.export.data.test_recordings import clip


def test_ucf101_without_its_list_of_classes(tmp_path: Path) -> None:
    data = write_ucf(tmp_path / "d")
    (data / "ucfTrainTestlist/classInd.txt").unlink()
    dataset = read_dataset(data)
    one = by_name(dataset)["v_BabyCrawling_g02_c01.avi"]
    assert (one.segments[0].label, one.group, one.split) == ("BabyCrawling", "BabyCrawling_g02", "test")
    assert (len(dataset.recordings), dataset.labels) == (24, ("Archery", "BabyCrawling"))


@pytest.mark.parametrize("folder", ["", "splits/", "annotations/"])
@pytest.mark.parametrize("names", [("train.txt", "test.txt"), ("Anomaly_Train.txt", "Anomaly_Test.txt")])
def test_lists_that_only_divide_class_folders(tmp_path: Path, folder: str, names: tuple[str, str]) -> None:
    for name in ("wave/a b.mp4", "wave/c.mp4", "bend/a b.mp4", "bend/c.mp4"):
        clip(tmp_path / name)
    (tmp_path / folder).mkdir(exist_ok=True)
    lines(tmp_path / folder / names[0], "wave/a b.mp4", "bend/a b.mp4")
    lines(tmp_path / folder / names[1], "wave\\c.mp4", "bend/c.mp4")
    dataset = read_dataset(tmp_path)
    found = {(one.name, one.segments[0].label, one.split) for one in dataset.recordings}
    assert found == {
        ("wave/a b.mp4", "wave", "train"),
        ("bend/a b.mp4", "bend", "train"),
        ("wave/c.mp4", "wave", "test"),
        ("bend/c.mp4", "bend", "test"),
    }


def test_other_lists_that_are_called_as_those_of_ucf101(tmp_path: Path) -> None:
    clip(tmp_path / "a.avi")
    clip(tmp_path / "b.avi")
    lines(tmp_path / "trainlist01.txt", "a.avi wave")
    lines(tmp_path / "testlist01.txt", "b.avi bend")
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.labels) == ("split-lists", ("bend", "wave"))


def test_hmdb51_whose_first_division_is_missing(tmp_path: Path) -> None:
    for label in ("wave", "bend"):
        clip(tmp_path / label / f"Film_{label}_1.avi")
        lines(tmp_path / f"{label}_test_split2.txt", f"Film_{label}_1.avi 1")
    with pytest.raises(DataError, match=r"has no CLASS_test_split1\.txt.*; there is --split-number 2"):
        read_dataset(tmp_path)
    assert read_dataset(tmp_path, split_number=2).labels == ("bend", "wave")
