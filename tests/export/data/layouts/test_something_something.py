"""Something-Something v2: JSON lists of clips by id, which are videos or folders of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framestream.errors import DataError
from framestream_export.data.recordings import read_dataset
from tests.export.conftest import Cli
from tests.export.data.layouts.test_layouts import by_name, imported_alike, write_json
from tests.export.data.test_recordings import clip

HOLDING, PUSHING = "Holding [something] next to [something]", "Pushing [something] so it spins"


def entry(number: int | str, template: str, *objects: str) -> dict[str, Any]:
    sentence = template.lower()
    for name in objects:
        sentence = sentence.replace("[something]", name, 1)
    return {"id": number, "label": sentence, "template": template, "placeholders": list(objects)}


def write_lists(folder: Path, *, prefix: str = "something-something-v2-") -> None:
    train = [entry("78687", HOLDING, "potato", "vegetable can"), entry("42326", PUSHING, "puncher")]
    write_json(folder / f"{prefix}train.json", train)
    write_json(
        folder / f"{prefix}validation.json", [entry("74225", HOLDING, "a knife", "a fork"), entry("9", PUSHING, "x")]
    )
    write_json(folder / f"{prefix}test.json", [{"id": "1420"}, {"id": "3"}])
    write_json(folder / f"{prefix}labels.json", {"Holding something next to something": "0", "Pushing something": "1"})


@pytest.mark.parametrize("prefix", ["something-something-v2-", ""])
def test_videos(tmp_path: Path, cli: Cli, prefix: str) -> None:
    write_lists(tmp_path / "labels", prefix=prefix)
    for number in (78687, 42326, 74225, 1420):
        clip(tmp_path / "20bn-something-something-v2" / f"{number}.webm")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "something-something"
    assert dataset.labels == ("Holding something next to something", "Pushing something so it spins")
    found = {name: (one.segments[0].label[:7], one.split) for name, one in by_name(dataset).items()}
    assert found == {
        "78687.webm": ("Holding", "train"),
        "42326.webm": ("Pushing", "train"),
        "74225.webm": ("Holding", "validation"),
    }
    missing, unlabelled = dataset.warnings
    assert "1 of 4 clips" in missing
    assert "9.webm" in missing
    assert unlabelled == "2 clips have no label, as those for testing, and are left out"
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv")


def test_folders_of_images(tmp_path: Path) -> None:
    write_lists(tmp_path)
    for number in ("78687", "42326", "74225"):
        (tmp_path / "frames" / number).mkdir(parents=True)
        for index in (1, 2):
            cv2.imwrite(str(tmp_path / "frames" / number / f"{index:05}.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="say with --image-rate how many make a second"):
        read_dataset(tmp_path)
    dataset = read_dataset(tmp_path, image_rate=12)
    assert {one.path.name: one.image_rate for one in dataset.recordings} == {"78687": 12, "42326": 12, "74225": 12}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[{"id": "1", "template": "Holding"}, {"id": "2", "template": 3}]',
            r"train\.json, entry 2: the template 3 is",
        ),
        ('[{"id": "1", "template": "Holding"}, 7]', r"train\.json, entry 2: it is not what Something-Something writes"),
        ('[{"id": "../../x", "template": "Holding"}]', r"train\.json, entry 1: the id '\.\./\.\./x' is no name"),
        ('[{"id": "1", "template": "Hold', r"train\.json is not JSON that can be read"),
    ],
)
def test_damaged_lists_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "train.json").write_text(text)
    clip(tmp_path / "1.webm")
    with pytest.raises(DataError, match=message):
        read_dataset(tmp_path)


def test_other_arrays_are_no_lists_of_clips(tmp_path: Path) -> None:
    for label in ("wave", "clap"):
        clip(tmp_path / label / "a.mp4")
    (tmp_path / "train.json").write_text(json.dumps([{"id": 1, "value": 2}]))
    assert read_dataset(tmp_path).layout == "folders"
