"""Whatever lists and annotation files hold: recordings are read, or one line says what is wrong in which file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framestream.errors import DataError, FrameStreamError
from framestream_export.data.recordings import Dataset, read_dataset
from framestream_export.data.times import seconds_in
from tests.export.data.layouts.test_annotation_programs import (
    EPIC_HEADER,
    action,
    annotated,
    boxes,
    cvat,
    eaf,
    mark,
    via_project,
)
from tests.export.data.layouts.test_layouts import region, task

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = ("a.mp4", "b.mp4", "sub/c.mp4", "film.mp4")
COLUMNS = (
    *("path", "label", "start", "end", "split", "group", "gaps", "file_name", "video_name", "tag", "Class", "id", ""),
    *("start_frame", "youtube_id", "time_start", "time_end", "video_id", "start_timestamp", "stop_timestamp", "verb"),
)
CELLS = st.one_of(
    st.sampled_from(
        [*NAMES, "a.avi", "sub\\c.mp4", "C:\\a.mp4", "../x.mp4", "/etc/passwd", "wave", "idle", "train", ""]
    ),
    st.sampled_from(["1", "1.5", "1,5", "1:30", "0:01:02.5", "-1", "nan", "inf", "1e999", "1,500", "9" * 5000, "test"]),
    st.text(max_size=12),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(NAMES)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


@contextmanager
def data_set() -> Iterator[Path]:
    """A folder with a few files that have names of videos."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        for film in NAMES:
            (root / film).parent.mkdir(parents=True, exist_ok=True)
            (root / film).touch()
        yield root


def read_or_refused(root: Path, *, given: Path | None = None, **options: Any) -> Dataset | str:
    """The data set, or the line that says what is wrong: one, that names what was given and has no sign of a crash."""
    refused = None
    try:
        dataset = read_dataset(given or root, **options)
    except FrameStreamError as error:
        refused = error
    if refused is not None:
        text = str(refused)
        assert isinstance(refused, ValueError)
        assert not any(sign in text for sign in "\n\r\x1b\u2028\u0085"), text
        assert os.fspath(root) in text or "--frame-rate means nothing" in text, text
        return text
    assert dataset.recordings
    assert all(os.path.exists(recording.path) for recording in dataset.recordings)
    for recording in dataset.recordings:
        assert os.path.realpath(recording.path).startswith(os.path.realpath(root)), recording
        assert all(0 <= one.start_seconds < one.end_seconds for one in recording.segments)
    return dataset


@pytest.mark.parametrize(
    "name",
    ["manifest.csv", "train.csv", "film.csv", "a.json", "a.xml", "a.eaf", "trainlist01.txt", "wave_test_split1.txt"],
)
@FEW
@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=60).map(lambda text: text.encode("utf-16"))))
def test_any_bytes(name: str, content: bytes) -> None:
    with data_set() as root:
        (root / "classInd.txt").write_bytes(b"1 wave\n2 clap\n")
        (root / name).write_bytes(content)
        read_or_refused(root)
        read_or_refused(root, given=root / name)


@MANY
@given(data=st.data())
def test_tables_of_any_columns_and_cells(data: st.DataObject) -> None:
    header = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6))
    rows = data.draw(st.lists(st.lists(CELLS, max_size=7), max_size=5))
    separator = data.draw(st.sampled_from([",", ";", "\t", "|", " "]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]))
    name = data.draw(st.sampled_from(["manifest.csv", "train.csv", "list.tsv", "film.csv", "kinetics.csv"]))
    text = "\r\n".join(separator.join(row) for row in [header, *rows])
    with data_set() as root:
        (root / name).write_bytes(text.encode(encoding, errors="replace"))
        said = read_or_refused(root)
        if isinstance(said, str) and name == "manifest.csv" and "things to correct" not in said:
            assert any(part in said for part in (name, "one class only", "lists no clips", "holds no clips")), said
        read_or_refused(root, given=root / name)


@MANY
@given(bad=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_each_bad_row_of_a_sound_table_is_named_by_its_number(bad: list[tuple[str, str, str, str]]) -> None:
    """Rows of which each names a file that is not there, or times that are none, among good ones."""
    sound = [("a.mp4", "wave", "0", "1"), ("b.mp4", "clap", "", "")]
    with data_set() as root:
        lines = ["path\tlabel\tstart\tend", *("\t".join(row) for row in sound)]
        for _, label, start, end in bad:
            cells = [
                cell.translate({ord(sign): "." for sign in '\t\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"\0'})
                for cell in (label, start, end)
            ]
            lines.append("\t".join(("not there.mp4", *cells)))
        (root / "manifest.csv").write_text("\n".join(lines), encoding="utf-8", errors="replace")
        said = read_or_refused(root)
        assert isinstance(said, str)
        for number in range(4, 4 + len(bad)):
            assert f"row {number}: no file" in said, said


SAMPLES: dict[str, Any] = {
    "activitynet": {"database": {"a": annotated((0, 1, "x"), (2, 3, "y")), "b": annotated((1, 2, "x"), subset="test")}},
    "via": via_project(m1=mark("1", [1.0, 2.0]), m2=mark("2", [], **{"3": "a"}), m3=mark("1", [1.5], xy=[1, 2])),
    "label-studio": [
        task("a.mp4", region(1, 9, "x"), {"value": {"framesCount": 50, "duration": 2.0}}),
        {"id": 2, "data": {"video": "b.mp4"}, "annotations": [{"result": [{"value": {"choices": ["y"]}}]}]},
    ],
    "something-something": [
        {"id": "a", "label": "holding x", "template": "Holding [something]", "placeholders": ["x"]},
        {"id": "b", "label": "pushing y", "template": "Pushing [something]", "placeholders": ["y"]},
    ],
}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all nodes of a JSON value."""
    yield path
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("layout", sorted(SAMPLES))
@MANY
@given(data=st.data())
def test_json_with_any_part_changed(layout: str, data: st.DataObject) -> None:
    content = json.loads(json.dumps(SAMPLES[layout]))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from([place for place in places(content) if place]))
        node = content
        for key in way[:-1]:
            node = node[key]
        if data.draw(st.booleans()):
            node[way[-1]] = data.draw(JSON)
        else:
            del node[way[-1]]
        if not any(place for place in places(content)):
            break
    with data_set() as root:
        # Lists of a split are known by their names.
        (root / ("train.json" if layout == "something-something" else "export.json")).write_text(json.dumps(content))
        for options in ({}, {"layout": layout}, {"background": "idle"}):
            read_or_refused(root, **options)


XML = {
    "film.eaf": eaf((0, 1000, "x"), (2000, 3000, "y"), media="file:///film.mp4"),
    "film.xml": cvat(boxes("x", (0, False), (5, True)) + '<tag label="y" frame="9"/>'),
}


@pytest.mark.parametrize("name", sorted(XML))
@MANY
@given(data=st.data())
def test_xml_with_any_part_changed(name: str, data: st.DataObject) -> None:
    root_element = ElementTree.fromstring(XML[name])
    letters = st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=6
    )
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(list(root_element.iter())))
        what = data.draw(st.sampled_from(["text", "attribute", "without", "children", "twice"]))
        if what == "text":
            element.text = data.draw(letters)
        elif what == "attribute" and element.attrib:
            element.set(
                data.draw(st.sampled_from(sorted(element.attrib))),
                data.draw(st.one_of(letters, CELLS.filter(str.isprintable))),
            )
        elif what == "without" and element.attrib:
            del element.attrib[data.draw(st.sampled_from(sorted(element.attrib)))]
        elif what == "children":
            element[:] = []
        elif what == "twice" and len(element):
            element.append(element[0])
    text = ElementTree.tostring(root_element, encoding="utf-8")
    cut = data.draw(st.one_of(st.just(len(text)), st.integers(0, len(text))))
    with data_set() as root:
        (root / name).write_bytes(text[:cut])
        for options in ({}, {"background": "idle"}, {"frame_rate": 25.0} if name.endswith("xml") else {}):
            read_or_refused(root, **options)


@MANY
@given(data=st.data())
def test_epic_kitchens_with_any_cells_changed(data: st.DataObject) -> None:
    rows = [
        list(map(str, action("a", "0:01", "0:02", "take", 0))),
        list(map(str, action("b", "0:01", "0:02", "open", 1))),
    ]
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(CELLS)
    with data_set() as root:
        text = "\n".join([EPIC_HEADER, *(",".join(row) for row in rows)])
        (root / "EPIC_100_train.csv").write_text(text, encoding="utf-8", errors="replace")
        read_or_refused(root)


@MANY
@given(
    chains=st.lists(
        st.lists(
            st.sampled_from(["train", "test", "val", "ann", "ben", "s01", "s02", "wave", "idle", "1", "raw", "fold_1"]),
            max_size=4,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_folders_of_any_names(chains: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        root.mkdir()
        for number, chain in enumerate(chains):
            folder = root.joinpath(*chain)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.mp4").touch()
        for options in ({}, {"class_level": 1}, {"class_level": 2}):
            found = read_or_refused(root, **options)
            if isinstance(found, Dataset) and not options:
                labels = set(found.labels)
                assert not labels <= {"train", "test", "val"}
                assert not labels <= {"s01", "s02"}


@MANY
@given(text=st.one_of(CELLS, st.from_regex(r"[\d:.,]{1,9}", fullmatch=True)), decimal=st.booleans())
def test_any_text_is_a_time_or_an_error(text: str, decimal: bool) -> None:
    try:
        seconds_in(text, comma_is_decimal=decimal)
    except DataError as error:
        said = str(error)
    else:
        return
    assert repr(text) in said
