"""Clips that are folders of images: in class folders and in lists, decoded, checked, trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from framestream.errors import DataError, SettingsError
from framestream_export.data.frame_cache import open_cache
from framestream_export.data.recordings import read_dataset
from tests.export import toy
from tests.export.conftest import Cli


def frames(folder: Path, label: str = "across", seed: int = 0, *, count: int = 24) -> Path:
    """Numbered images of one clip."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(toy.draw(label, seed, frames=count), start=1):
        assert cv2.imwrite(str(folder / f"{number:05}.jpg"), picture)
    return folder


def test_folders_of_images_in_class_folders(tmp_path: Path, cli: Cli) -> None:
    for index, label in enumerate(("across", "upright")):
        for number in range(4):
            frames(tmp_path / "d" / label / str(number), label, 10 * index + number)
    with pytest.raises(DataError, match=r"folder of images.*say with --image-rate how many"):
        read_dataset(tmp_path / "d")
    dataset = read_dataset(tmp_path / "d", image_rate=12)
    assert dataset.labels == ("across", "upright")
    assert [recording.name for recording in dataset.recordings[:2]] == ["across/0", "across/1"]
    cache = open_cache(dataset, tmp_path / "cache", frame_rate=12, size_wh=(32, 32), console=Console(quiet=True))
    assert len(cache.frames) == 8 * 24
    assert cache.pts_seconds[:3] == pytest.approx([0, 1 / 12, 2 / 12])
    # Another rate, or another image, is another cache; the same is found again.
    home = {path.name for path in (tmp_path / "cache").iterdir()}
    open_cache(dataset, tmp_path / "cache", frame_rate=12, size_wh=(32, 32), console=Console(quiet=True))
    assert {path.name for path in (tmp_path / "cache").iterdir()} == home
    shutil.copy(tmp_path / "d/across/1/00003.jpg", tmp_path / "d/across/0/00002.jpg")
    open_cache(dataset, tmp_path / "cache", frame_rate=12, size_wh=(32, 32), console=Console(quiet=True))
    faster = read_dataset(tmp_path / "d", image_rate=24)
    open_cache(faster, tmp_path / "cache", frame_rate=12, size_wh=(32, 32), console=Console(quiet=True))
    assert len(list((tmp_path / "cache").iterdir())) == 3
    code, out, errors = cli("data", "check", tmp_path / "d", "--image-rate", 12)
    assert code == 0, errors
    assert "frame rate 12.00 to 12.00 per second" in out
    code, _, errors = cli("data", "check", tmp_path / "d")
    assert (code, "--image-rate" in errors) == (1, True)


def test_what_is_imported_reads_back(tmp_path: Path, cli: Cli) -> None:
    for label in ("across", "upright"):
        frames(tmp_path / label / "1", label, count=3)
    before = read_dataset(tmp_path, image_rate=12)
    code, _, errors = cli("data", "import", tmp_path, "--image-rate", 12, "--output", tmp_path / "manifest.csv")
    assert code == 0, errors
    after = read_dataset(tmp_path, image_rate=12)
    assert [one.name for one in before.recordings] == [one.name for one in after.recordings]
    assert all(one.manifest for one in after.recordings)


def test_a_damaged_image_is_said_and_a_folder_of_them_left_out(tmp_path: Path, cli: Cli) -> None:
    for label in ("across", "upright"):
        for number in range(4):
            frames(tmp_path / label / str(number), label, number, count=24)
    (tmp_path / "across/0/00005.jpg").write_bytes(b"no image")
    for path in (tmp_path / "across/1").iterdir():
        path.write_bytes(b"")
    code, out, _ = cli("data", "check", tmp_path, "--image-rate", 12)
    assert code == 0
    assert "00005.jpg is not an image that can be read" in out
    assert "across/1" in out
    assert "cannot be read, and will be left out" in out


def test_frames_with_splits_and_people(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("wave", "clap"):
            frames(tmp_path / "s" / split / label / f"{split}7", count=2)
    dataset = read_dataset(tmp_path / "s", image_rate=12)
    assert (dataset.labels, {one.split for one in dataset.recordings}) == (("clap", "wave"), {"train", "test"})
    for person in ("s01", "s02"):
        for label in ("wave", "clap"):
            frames(tmp_path / "p" / person / label, count=2)
    dataset = read_dataset(tmp_path / "p", image_rate=12)
    assert (dataset.labels, {one.group for one in dataset.recordings}) == (("clap", "wave"), {"s01", "s02"})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("ann/wave", "ann/clap", "ben/wave", "ben/clap"), "each of both might be the classes"),
        (("s01/clip1", "s01/clip2", "s02/clip1"), "named after people, and no folders in them name classes"),
        (("train/cat", "train/dog", "test/cat", "test/dog"), "hold images themselves"),
        (("cat", "dog"), "cat has no label: put it into a class folder"),
    ],
)
def test_frames_that_are_no_clips_or_have_no_classes(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    for name in names:
        frames(tmp_path / name, count=2)
    with pytest.raises(DataError, match=said):
        read_dataset(tmp_path, image_rate=12)


def test_images_beside_videos_are_no_clips(tmp_path: Path) -> None:
    for name in ("wave/a.mp4", "clap/b.mp4"):
        toy.write_video(tmp_path / name, toy.draw("across", 1, frames=5))
        assert cv2.imwrite(str((tmp_path / name).with_suffix(".jpg")), np.zeros((8, 8, 3), np.uint8))
    frames(tmp_path / "wave/thumbnails", count=3)
    dataset = read_dataset(tmp_path)
    assert len(dataset.recordings) == 2
    assert "1 folders of images" in dataset.warnings[0]
    with pytest.raises(SettingsError, match="--image-rate means nothing where no clip is a folder of images"):
        read_dataset(tmp_path, image_rate=12)


@pytest.mark.parametrize("place", ["", "20bn-jester-v1/"])
@pytest.mark.parametrize("header", ["", "id;label\n", "video_id;Label\n"])
def test_jester(tmp_path: Path, place: str, header: str) -> None:
    lists = {"train": "34870;Drumming Fingers\n56557;Sliding, Two Fingers\n", "validation": "9223;Drumming Fingers\n"}
    for split, rows in lists.items():
        (tmp_path / f"jester-v1-{split}.csv").write_text(header + rows)
    (tmp_path / "jester-v1-test.csv").write_text("1\n2\n")
    (tmp_path / "jester-v1-labels.csv").write_text("Drumming Fingers\nSliding, Two Fingers\n")
    for number in ("34870", "56557", "9223", "1"):
        frames(tmp_path / f"{place}{number}", count=2)
    dataset = read_dataset(tmp_path, image_rate=12)
    assert dataset.layout == "split-lists"
    assert dataset.labels == ("Drumming Fingers", "Sliding, Two Fingers")
    assert {one.path.name: one.split for one in dataset.recordings} == {
        "34870": "train",
        "56557": "train",
        "9223": "validation",
    }
    assert any("jester-v1-test.csv does not list clips with labels" in said for said in dataset.warnings)
    # One list alone is read as well.
    assert len(read_dataset(tmp_path / "jester-v1-train.csv", image_rate=12).recordings) == 2 if not place else True


def test_paths_and_class_numbers_without_a_header(tmp_path: Path) -> None:
    for name in ("my films/a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "train.csv").write_text(f"{tmp_path}/my films/a.mp4 0\nb.mp4 1\n")
    (tmp_path / "val.txt").write_text("c.mp4 1\n")
    dataset = read_dataset(tmp_path)
    assert {one.name: (one.segments[0].label, one.split) for one in dataset.recordings} == {
        "my films/a.mp4": ("0", "train"),
        "b.mp4": ("1", "train"),
        "c.mp4": ("1", "validation"),
    }
    (tmp_path / "train.csv").write_text("b.mp4 1\nmy films/a.mp4 0\nlonely\n")
    with pytest.raises(DataError, match=r"train\.csv, row 3: .*no file|train\.csv, row 3: the path is empty"):
        read_dataset(tmp_path)


def test_ucf101_as_images(tmp_path: Path) -> None:
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for label in ("Archery", "Bowling"):
        for group in range(1, 4):
            name = f"v_{label}_g{group:02}_c01"
            frames(tmp_path / "jpegs" / name, count=2)
            rows["test" if group == 1 else "train"].append(f"{label}/{name}.avi")
    (tmp_path / "classInd.txt").write_text("1 Archery\n2 Bowling\n")
    for split, lines in rows.items():
        (tmp_path / f"{split}list01.txt").write_text("\n".join(lines) + "\n")
    dataset = read_dataset(tmp_path, image_rate=25)
    assert len(dataset.recordings) == 6
    assert {one.group for one in dataset.recordings} >= {"Archery_g01", "Bowling_g03"}


def test_images_of_several_kinds_are_no_clip(tmp_path: Path) -> None:
    for label in ("across", "upright"):
        frames(tmp_path / label / "1", label, count=3)
    one = tmp_path / "across/1"
    shutil.copy(one / "00001.jpg", one / "cover.jpg")
    assert len(read_dataset(tmp_path, image_rate=12).recordings) == 2
    for number in (1, 2):
        shutil.copy(one / f"{number:05}.jpg", one / f"flow_x_{number:05}.jpg")
    with pytest.raises(DataError, match=r"across/1 has images of several kinds \(#\.jpg, flow_x_#\.jpg\)"):
        read_dataset(tmp_path, image_rate=12)


def test_classes_of_single_images_are_told_how_clips_lie(tmp_path: Path) -> None:
    for label in ("across", "upright"):
        frames(tmp_path / label, label, count=3)
    with pytest.raises(DataError, match=r"across has no label.*images lie as <class>/<clip>/00001\.jpg"):
        read_dataset(tmp_path, image_rate=12)
