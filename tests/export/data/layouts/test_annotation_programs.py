"""Layouts of annotation programs and of data sets of long films: a small sample of each, written by the test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framestream.errors import DataError
from framestream_export.data.frame_cache import frame_labels
from framestream_export.data.layouts.timed_labels import joined, one_at_a_time
from framestream_export.data.recordings import Segment, read_dataset
from tests.export import toy
from tests.export.conftest import Cli
from tests.export.data.layouts.test_layouts import by_name, frame_times, imported_alike, write_json
from tests.export.data.test_recordings import clip


def marks(*triples: tuple[float, float, str]) -> tuple[Segment, ...]:
    return tuple(Segment(*triple) for triple in triples)


def test_segments_of_one_label_are_joined_and_of_two_refused() -> None:
    assert joined(marks((3, 4, "a"), (0, 1, "a"), (1, 2, "a"), (1.5, 1.8, "a"))) == marks((0, 2, "a"), (3, 4, "a"))
    with pytest.raises(DataError, match="segments must not overlap"):
        joined(marks((0, 2, "a"), (1, 3, "b")))


def test_where_several_labels_hold_the_one_that_began_last_is_taken() -> None:
    assert one_at_a_time(marks((0, 10, "a"), (2, 4, "b"))) == (marks((0, 2, "a"), (2, 4, "b"), (4, 10, "a")), 2)
    assert one_at_a_time(marks((0, 3, "a"), (2, 5, "b"))) == (marks((0, 2, "a"), (2, 5, "b")), 1)
    assert one_at_a_time(marks((0, 3, "a"), (2, 5, "a"))) == (marks((0, 5, "a")), 0)
    assert one_at_a_time(marks((0, 3, "a"), (0, 1, "b"), (7, 8, "c"))) == (
        marks((0, 1, "b"), (1, 3, "a"), (7, 8, "c")),
        1,
    )
    assert one_at_a_time(()) == ((), 0)


def annotated(*segments: tuple[float, float, str], subset: str = "training") -> dict[str, Any]:
    return {
        "duration": 82.7,
        "subset": subset,
        "resolution": "1920x1080",
        "url": "https://example.org/x",
        "annotations": [{"segment": [start, end], "label": label} for start, end, label in segments],
    }


def test_activitynet(tmp_path: Path, cli: Cli) -> None:
    for name in ("v_sJFgo9H6zNo.mp4", "films/QOlSCBRmfWY.mkv", "v_third.webm", "v_test.mp4"):
        clip(tmp_path / name)
    database = {
        "sJFgo9H6zNo": annotated((0, 9.06, "Fun sliding down"), (20, 30, "Fun sliding down")),
        "QOlSCBRmfWY": annotated((3, 9, "Ballet"), (8, 12, "Tango"), subset="validation"),
        "third": annotated((5, 5, "Ballet"), (1, 2, "Ballet")),
        "test": annotated(subset="testing"),
        "gone": annotated((1, 2, "Ballet")),
    }
    export = write_json(
        tmp_path / "activity_net.v1-3.min.json", {"version": "1.3", "taxonomy": [], "database": database}
    )
    dataset = read_dataset(tmp_path, background="background")
    assert (dataset.layout, dataset.labels) == ("activitynet", ("Ballet", "Fun sliding down", "Tango", "background"))
    found = by_name(dataset)
    assert found["v_sJFgo9H6zNo.mp4"].segments == marks((0, 9.06, "Fun sliding down"), (20, 30, "Fun sliding down"))
    assert found["QOlSCBRmfWY.mkv"].segments == marks((3, 8, "Ballet"), (8, 12, "Tango"))
    assert {name: one.split for name, one in found.items()}["QOlSCBRmfWY.mkv"] == "validation"
    assert all(one.fill_background for one in found.values())
    said = " ".join(dataset.warnings)
    for part in (
        "1 of 4 clips that",
        "gone",
        "1 films have no annotation",
        "1 annotations end before",
        "1 films have times",
    ):
        assert part in said
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv", "--background", "background")
    assert len(read_dataset(export, background="background").recordings) == 3
    # What cannot be true is named, by film.
    bad = {
        "sJFgo9H6zNo": annotated((-1, 2, "x")),
        "QOlSCBRmfWY": {"annotations": [{"segment": [1], "label": "x"}]},
        "third": annotated((1, 2, "x"), subset="exam"),
        "v_test": {"annotations": [{"segment": [0, 1], "label": 5}]},
        "more": "text",
    }
    write_json(export, {"database": bad})
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(DataError, match="5 things to correct") as caught:
        read_dataset(tmp_path)
    for part in (
        "film sJFgo9H6zNo: start -1",
        "film QOlSCBRmfWY: it is not",
        "film third: subset 'exam'",
        "label 5 is no text",
    ):
        assert part in str(caught.value)


def via_project(**marks_of: Any) -> dict[str, Any]:
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}},
        "attribute": {
            "1": {"aname": "activity", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {"0": "wave", "1": "clap"}},
            "2": {"aname": "note", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
            "3": {"aname": "kind", "anchor_id": "FILE1_Z0_XY0", "type": 3, "options": {"a": "bend"}},
        },
        "file": {
            "1": {"fid": "1", "fname": "a.mp4", "type": 4, "loc": 1, "src": "a.mp4"},
            "2": {"fid": 2, "fname": "C:\\films\\b.mp4", "type": 4, "loc": 3, "src": "b.mp4"},
            "3": {"fid": "3", "fname": "c.jpg", "type": 2, "loc": 1, "src": "c.jpg"},
        },
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}, "3": {"fid_list": ["3"]}},
        "metadata": marks_of,
    }


def mark(vid: str, times: list[float], **more: Any) -> dict[str, Any]:
    return {"vid": vid, "flg": 0, "z": times, "xy": more.pop("xy", []), "av": more or {"1": "0"}}


def test_via(tmp_path: Path, cli: Cli) -> None:
    for name in ("a.mp4", "films/b.mp4", "c.mp4"):
        clip(tmp_path / name)
    project = via_project(
        m1=mark("1", [1.5, 2.5]),
        m2=mark("1", [2.5, 4], **{"1": "1", "2": "a note"}),
        m3=mark("1", [3.0], xy=[2, 1, 1, 9, 9]),
        m4=mark("2", [], **{"3": "a"}),
    )
    export = write_json(tmp_path / "via_project.json", project)
    dataset = read_dataset(tmp_path, background="idle")
    assert (dataset.layout, dataset.labels) == ("via", ("bend", "clap", "idle", "wave"))
    found = by_name(dataset)
    assert (found["a.mp4"].segments, found["a.mp4"].fill_background) == (
        marks((1.5, 2.5, "wave"), (2.5, 4, "clap")),
        True,
    )
    assert (found["b.mp4"].segments, found["b.mp4"].fill_background) == (marks((0, math.inf, "bend")), False)
    assert "1 marks of regions or of single frames are left out" in dataset.warnings
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv", "--background", "idle")
    project = via_project(
        m1=mark("1", [2, 1]),
        m2=mark("1", [1, 2], **{"1": ""}),
        m3=mark("9", [1, 2]),
        m4=mark("2", [1, 2, 3]),
        m5=mark("2", [1, 2], **{"7": "x"}),
        m6="text",
    )
    write_json(export, project)
    with pytest.raises(DataError, match="6 things to correct") as caught:
        read_dataset(export)
    for part in (
        "metadata m1: end 1",
        "m2: one attribute is needed",
        "m3: it is not what VIA writes",
        "m4: 3 times",
        "m5: it is not",
    ):
        assert part in str(caught.value)


def eaf(
    *annotations: tuple[object, object, str], tier: str = "action", media: str = "file:///C:/films/a.mp4", **more: Any
) -> str:
    slots, marked = [], []
    for number, (start, end, label) in enumerate(annotations):
        for which, time in enumerate((start, end)):
            value = "" if time is None else f' TIME_VALUE="{time}"'
            slots.append(f'<TIME_SLOT TIME_SLOT_ID="ts{2 * number + which}"{value}/>')
        marked.append(
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{2 * number}"'
            f' TIME_SLOT_REF2="ts{2 * number + 1}"><ANNOTATION_VALUE>{label}</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION>"
        )
    origin = f' TIME_ORIGIN="{more["origin"]}"' if "origin" in more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" FORMAT="3.0" VERSION="3.0">'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="{more.get("units", "milliseconds")}"><MEDIA_DESCRIPTOR MEDIA_URL="{media}"'
        f' MIME_TYPE="video/mp4"{origin}/></HEADER><TIME_ORDER>{"".join(slots)}</TIME_ORDER>'
        f'<TIER LINGUISTIC_TYPE_REF="default" TIER_ID="action">{"".join(marked)}</TIER>{more.get("after", "")}'
        "</ANNOTATION_DOCUMENT>"
    )


def test_elan(tmp_path: Path, cli: Cli) -> None:
    for name in ("a.mp4", "films/my film.mov", "third.mp4"):
        clip(tmp_path / name)
    comment = (
        '<TIER TIER_ID="note" PARENT_REF="action"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r" ANNOTATION_REF="a0">'
        "<ANNOTATION_VALUE>nice</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>"
    )
    first = eaf((1500, 2500, "wave"), (2500, 4000, " clap "), (5000, None, "clap"), (6000, 7000, ""), after=comment)
    (tmp_path / "session.eaf").write_text(first)
    (tmp_path / "two.eaf").write_text(eaf((1000, 2000, "wave"), media="./films/my%20film.mov", origin=500))
    (tmp_path / "third.eaf").write_text(eaf((0, 1000, "wave"), media="sound.wav"))
    dataset = read_dataset(tmp_path, background="idle")
    assert (dataset.layout, dataset.labels) == ("elan", ("clap", "idle", "wave"))
    found = by_name(dataset)
    assert found["a.mp4"].segments == marks((1.5, 2.5, "wave"), (2.5, 4, "clap"))
    assert found["my film.mov"].segments == marks((1.5, 2.5, "wave"))
    assert found["third.mp4"].segments == marks((0, 1, "wave"))
    assert {
        "1 annotations have no times of their own and are left out",
        "1 annotations are empty and are left out",
    } <= set(dataset.warnings)
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv", "--background", "idle")
    assert len(read_dataset(tmp_path / "session.eaf", background="idle").recordings) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (eaf((0, 2000, "x"), (1000, 3000, "y")), "segments must not overlap"),
        (
            eaf((0, 2000, "x"), (1000, 3000, "y"), after='<TIER TIER_ID="hands"><ANNOTATION/></TIER>'),
            r"keep one of its tiers \(action, hands\)",
        ),
        (eaf((2000, 1000, "x")), "end 1.0 is not after start 2.0"),
        (eaf((0, "soon", "x")), "it is not what ELAN writes"),
        (eaf((0, 1, "x"), units="NTSC-frames"), "its times are in NTSC-frames"),
        (eaf((0, 1000, "x"), media="gone.mp4"), "none of the 1 clips"),
        (eaf((0, 1000, "x"))[:-30], "it is not XML that can be read"),
        (
            '<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT>&a;</ANNOTATION_DOCUMENT>',
            "defines a document type",
        ),
    ],
)
def test_elan_files_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    clip(tmp_path / "a.mp4")
    (tmp_path / "s.eaf").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path, background="idle")
    assert "s.eaf" in str(caught.value)


def cvat(content: str, *, source: str = "film.mp4", meta: str = "task", frame_filter: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f"<meta><{meta}><id>1</id><name>my task</name><size>40</size><mode>interpolation</mode>"
        f"<start_frame>0</start_frame><stop_frame>39</stop_frame><frame_filter>{frame_filter}</frame_filter>"
        f"<source>{source}</source></{meta}><dumped>2024-01-01</dumped></meta>{content}</annotations>"
    )


def boxes(label: str, *frames: tuple[int, bool]) -> str:
    inner = "".join(
        f'<box frame="{frame}" outside="{int(outside)}" occluded="0" keyframe="1" xtl="1" ytl="1" xbr="9" ybr="9"/>'
        for frame, outside in frames
    )
    return f'<track id="0" label="{label}" source="manual">{inner}</track>'


def test_cvat(tmp_path: Path, cli: Cli) -> None:
    toy.write_video(tmp_path / "film.mp4", toy.draw("across", 1, frames=40), fps=20)
    toy.write_video(tmp_path / "other.mp4", toy.draw("across", 2, frames=40), fps=20)
    tags = "".join(f'<tag label="clap" source="manual" frame="{frame}"/>' for frame in (20, 21, 22))
    tracks = boxes("wave", (4, False), (5, False), (8, True)) + boxes("wave", (6, False), (10, True))
    (tmp_path / "film.xml").write_text(cvat(tracks + tags))
    images = '<image id="3" name="frame_000003"><tag label="clap"/></image>'
    (tmp_path / "task2").mkdir()
    (tmp_path / "task2" / "annotations.xml").write_text(cvat(images, source="other.avi", frame_filter="step=5"))
    dataset = read_dataset(tmp_path, background="idle")
    assert (dataset.layout, dataset.labels) == ("cvat", ("clap", "idle", "wave"))
    labels = {}
    for name, one in by_name(dataset).items():
        at = frame_labels(one, np.array(frame_times(one.path)), dataset.labels, background="idle")
        labels[name] = [dataset.labels[index] for index in at]
    assert labels["film.mp4"] == ["idle"] * 4 + ["wave"] * 6 + ["idle"] * 10 + ["clap"] * 3 + ["idle"] * 17
    assert labels["other.mp4"] == ["idle"] * 3 + ["clap"] * 5 + ["idle"] * 32
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv", "--background", "idle")
    (film,) = read_dataset(tmp_path / "film.xml", background="idle", frame_rate=10).recordings
    assert film.segments == marks((0.4, 1.0, "wave"), (2.0, 2.3, "clap"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (cvat(boxes("a", (0, False), (9, True)) + boxes("b", (5, False), (9, True))), "segments must not overlap"),
        (cvat(boxes("a", (0, False), (500, True))), "the tool counted other frames"),
        (cvat('<tag label="a" frame="x"/>'), "it is not what CVAT exports for a video"),
        (cvat("<tag frame='1'/>"), "it is not what CVAT exports for a video"),
        (cvat(boxes("a", (0, False)), meta="project"), "export each task"),
        (cvat("", frame_filter="step=0"), "its frame filter"),
        ("<annotations>", "is not XML"),
        (cvat(boxes("a", (0, False)), source="gone.mp4"), "none of the 1 clips"),
    ],
)
def test_cvat_files_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    toy.write_video(tmp_path / "film.mp4", toy.draw("across", 1, frames=20))
    (tmp_path / "annotations.xml").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path, background="idle")
    assert "annotations.xml" in str(caught.value)


EPIC_HEADER = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "narration,verb,verb_class,noun"
)


def action(video: str, start: str, stop: str, verb: str, number: int) -> tuple[object, ...]:
    return (f"{video}_0", video[:3], video, start, start, stop, 1, 2, f"{verb} it", verb, number, "it")


def test_epic_kitchens(tmp_path: Path, cli: Cli) -> None:
    for name in ("P01/videos/P01_01.MP4", "P02/videos/P02_03.mp4"):
        clip(tmp_path / name)
    train = [
        action("P01_01", "00:00:01.50", "00:00:03.25", "take", 0),
        action("P01_01", "00:00:03.00", "00:01:04.00", "open-up", 3),
        action("P01_01", "00:02:00.00", "01:00:00.00", "open", 3),
        action("P01_01", "01:00:00.00", "01:00:01.00", "open", 3),
        action("P09_09", "00:00:01.00", "00:00:02.00", "take", 0),
    ]
    lists = tmp_path / "annotations"
    toy.write_csv(lists / "EPIC_100_train.csv", EPIC_HEADER, train)
    toy.write_csv(lists / "EPIC_100_validation.csv", EPIC_HEADER, [action("P02_03", "00:00:00", "00:00:01", "grab", 0)])
    header = "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp"
    toy.write_csv(lists / "EPIC_100_test_timestamps.csv", header, [("x", "P01", "P01_11", "0:01", "0:01", "0:02")])
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.labels) == ("epic-kitchens", ("open", "take"))
    found = by_name(dataset)
    assert found["P01_01.MP4"].segments == marks((1.5, 3, "take"), (3, 64, "open"), (120, 3601, "open"))
    assert (found["P01_01.MP4"].group, found["P01_01.MP4"].split) == ("P01", "train")
    assert (found["P02_03.mp4"].segments, found["P02_03.mp4"].split) == (marks((0, 1, "take")), "validation")
    assert not any(one.fill_background for one in dataset.recordings)
    said = " ".join(dataset.warnings)
    for part in ("EPIC_100_test_timestamps.csv has no verbs", "1 films have times with several verbs", "P09_09"):
        assert part in said
    toy.write_csv(lists / "EPIC_100_verb_classes.csv", "id,key,instances", [(0, "take", "[]"), (3, "open!", "[]")])
    assert read_dataset(tmp_path).labels == ("open!", "take")
    imported_alike(cli, tmp_path, tmp_path / "manifest.csv")
    (tmp_path / "manifest.csv").unlink()
    bad = [
        action("P01_01", "00:00:05.00", "00:00:03.25", "take", 0),
        action("P01_01", "soon", "00:00:03.25", "take", 0),
        action("P01_01", "00:00:05.00", "", "take", 0),
        ("n", "P01", "", "0:01", "0:01", "0:02", 1, 2, "x", "take", 0, "it"),
        ("n", "P01", "P01_01", "0:01", "0:01", "0:02", 1, 2, "x", "", "", "it"),
    ]
    toy.write_csv(lists / "EPIC_100_train.csv", EPIC_HEADER, [*bad, action("P02_03", "0:01", "0:02", "take", 0)])
    with pytest.raises(DataError, match="6 things to correct") as caught:
        read_dataset(tmp_path)
    for part in (
        "row 2: end 3.25",
        "row 3: 'soon'",
        "row 4: stop_timestamp is",
        "row 5: video_id",
        "row 6: verb is empty",
        "different splits",
    ):
        assert part in str(caught.value)


def test_films_without_any_label_are_told(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4")
    write_json(tmp_path / "net.json", {"database": {"a": annotated(subset="testing")}})
    with pytest.raises(DataError, match="laid out as activitynet, and no labelled clip is left of it: 1 films have no"):
        read_dataset(tmp_path)
    (tmp_path / "net.json").unlink()
    (tmp_path / "a.eaf").write_text(eaf())
    with pytest.raises(DataError, match="no clip has a label; label some, or name with --background"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("name", ["activitynet", "via", "elan", "cvat", "epic-kitchens", "split-lists"])
def test_a_layout_that_was_asked_for_and_is_not_there(tmp_path: Path, cli: Cli, name: str) -> None:
    clip(tmp_path / "wave/a.mp4")
    clip(tmp_path / "clap/b.mp4")
    code, _, errors = cli("data", "import", tmp_path, "--layout", name, "--output", tmp_path / "m.csv")
    assert (code, errors.count("\n"), str(tmp_path) in errors) == (1, 1, True)
