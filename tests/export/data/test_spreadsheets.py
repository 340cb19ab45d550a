"""Lists as spreadsheets and other programs write them: encodings, separators, times, spellings of names."""

from __future__ import annotations

import math
import os
import unicodedata
from pathlib import Path

import pytest

from framestream.errors import DataError
from framestream_export.data.recordings import Dataset, Segment, read_dataset
from framestream_export.data.times import seconds_in
from tests.export.data.test_recordings import clip

ROWS = "path,label,start,end\na.mp4,wave,1.5,2.5\nb.mp4,grüßen,0,1\n"


def write(path: Path, text: str, *, encoding: str = "utf-8", separator: str = ",", line_end: str = "\r\n") -> Path:
    text = text.replace(",", separator).replace("\n", line_end)
    path.write_bytes(text.encode(encoding))
    return path


def segments(dataset: Dataset) -> dict[str, tuple[Segment, ...]]:
    return {recording.path.name: recording.segments for recording in dataset.recordings}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    clip(tmp_path / "a.mp4")
    clip(tmp_path / "b.mp4")
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_separators(clips: Path, encoding: str, separator: str, line_end: str) -> None:
    write(clips / "manifest.csv", ROWS, encoding=encoding, separator=separator, line_end=line_end)
    expected = {"a.mp4": (Segment(1.5, 2.5, "wave"),), "b.mp4": (Segment(0, 1, "grüßen"),)}
    assert segments(read_dataset(clips)) == expected
    assert segments(read_dataset(clips / "manifest.csv")) == expected


def test_big_endian_utf_16(clips: Path) -> None:
    (clips / "manifest.csv").write_bytes(b"\xfe\xff" + ROWS.encode("utf-16-be"))
    assert read_dataset(clips).labels == ("grüßen", "wave")


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=; "])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_line_that_names_the_separator(clips: Path, first: str, encoding: str) -> None:
    text = ROWS.replace(",", ";").replace("wave;1.5;2.5", "wave;1,5;2,5")
    (clips / "manifest.csv").write_bytes(f"{first}\n{text}".encode(encoding))
    assert segments(read_dataset(clips))["a.mp4"] == (Segment(1.5, 2.5, "wave"),)
    (clips / "manifest.csv").write_bytes(f"{first}\n{text}c.mp4;x;0;1\n".encode(encoding))
    with pytest.raises(DataError, match=r"manifest\.csv, row 5: no file"):  # lines are counted as an editor does
        read_dataset(clips)


@pytest.mark.parametrize("header", ["path;label;note, or not", "path;label;a,b,c,d"])
def test_the_separator_is_the_one_that_finds_the_columns(clips: Path, header: str) -> None:
    (clips / "manifest.csv").write_text(f"{header}\na.mp4;x;1,2,3\nb.mp4;y;\n")
    assert read_dataset(clips).labels == ("x", "y")


@pytest.mark.parametrize(
    "header",
    [
        *(
            "file_name,class",
            "video_name,tag",
            "FileName,Class",
            "File Name, Category",
            "file-name,Label",
            "clip,action",
        ),
        *("VIDEO,LABEL", "file,Class Name", " Path , label ", "Video Path,activity", "filename,Tag", '"file","tag"'),
    ],
)
def test_columns_in_other_spellings(clips: Path, header: str) -> None:
    (clips / "manifest.csv").write_text(f"{header},Start Time,End\na.mp4,x,1,2\nb.mp4,y,,\n")
    assert segments(read_dataset(clips)) == {"a.mp4": (Segment(1, 2, "x"),), "b.mp4": (Segment(0, math.inf, "y"),)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("90.5", 90.5), ("1:30", 90), ("01:30.5", 90.5), ("0:01:30", 90), ("00:01:30.250", 90.25)),
        *(("1,5", 1.5), ("01:30,25", 90.25), ("00:00:01,500", 1.5), ("75:00", 4500), ("10:00:00", 36000), (".5", 0.5)),
        *(("1,2345", 1.2345), ("1e1", 10)),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_in(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["soon", "1:60", "1:60:00", "00:00:01:12", "1.234,5", "1,234.5", "1:2:3:4", "-1:30", "1m", ":30"]
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(DataError, match="is not a time in seconds, mm:ss or hh:mm:ss"):
        seconds_in(text)


def test_a_comma_that_may_separate_thousands_or_cells(clips: Path) -> None:
    assert seconds_in("1,500", comma_is_decimal=True) == 1.5
    manifest = write(clips / "manifest.csv", 'path,label,start,end\na.mp4,x,"1,5","2,25"\nb.mp4,y,0,1\n')
    assert segments(read_dataset(clips))["a.mp4"] == (Segment(1.5, 2.25, "x"),)
    write(manifest, 'path,label,start,end\na.mp4,x,0,"1,500"\nb.mp4,y,0,1\n')
    with pytest.raises(DataError, match=r"row 2: '1,500' might be 1500 or 1\.500 seconds"):
        read_dataset(clips)
    write(manifest, "path,label,start,end\na.mp4,x,1,5,2,5\nb.mp4,y,0,1\n")
    with pytest.raises(DataError, match=r"row 2: the row has more cells than the header has columns.*decimal commas"):
        read_dataset(clips)
    write(manifest, "path;label;start;end\na.mp4;x;0,25;1,500\nb.mp4;y;0;1\n")
    assert segments(read_dataset(clips))["a.mp4"] == (Segment(0.25, 1.5, "x"),)


def test_what_cannot_be_told_for_sure_is_refused_with_the_remedy(clips: Path) -> None:
    manifest = write(clips / "manifest.csv", "path;label\na.mp4;wave\nb.mp4;grüßen\n", encoding="cp1252")
    with pytest.raises(DataError, match=r'manifest\.csv, row 3: not UTF-8 text; save it as "CSV UTF-8"'):
        read_dataset(clips)
    manifest.write_bytes(ROWS.replace("grüßen", "x").encode("utf-16-le"))
    with pytest.raises(DataError, match='UTF-16 without a mark; save it as "CSV UTF-8"'):
        read_dataset(clips)
    manifest.write_text("path,label,Label\na.mp4,x,y\nb.mp4,y,x\n")
    with pytest.raises(DataError, match="the header has label twice"):
        read_dataset(clips)
    manifest.write_text("path,label,start_frame,end_frame\na.mp4,x,1,50\nb.mp4,y,1,50\n")
    with pytest.raises(DataError, match="row 2: the column start_frame is not in seconds"):
        read_dataset(clips)
    manifest.unlink()
    (clips / "labels.xlsx").touch()
    with pytest.raises(DataError, match=r"\.xlsx is neither .* save a spreadsheet as CSV UTF-8"):
        read_dataset(clips / "labels.xlsx")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("first_frame,last_frame", "12,30"),
        ("startFrame,endFrame", "12,30"),
        ("clip_start_ms,clip_end_ms", "1200,3000"),
        ("t_begin,t_stop", "0.5,1.5"),
        ("Beginn,Ende", "0:01,0:02"),
        ("start,duration", "0.5,1"),
        ("start_time,last_frame", "0.5,30"),
    ],
)
def test_times_in_other_words_are_not_passed_over(clips: Path, header: str, row: str) -> None:
    manifest = clips / "manifest.csv"
    manifest.write_text(f"path,label,{header}\na.mp4,x,{row}\nb.mp4,y,{row}\n")
    with pytest.raises(DataError, match=r"row 2: the column .*give start and end in seconds, or mm:ss"):
        read_dataset(clips)
    # What is no time, or stands beside times that are read, is none of those.
    manifest.write_text(
        f"path,label,start,end,{header.replace('start', 'begin')}\na.mp4,x,0,1,{row}\nb.mp4,y,0,1,{row}\n"
    )
    assert segments(read_dataset(clips))["a.mp4"] == (Segment(0, 1, "x"),)
    manifest.write_text("path,label,last_name,duration,start_hand\na.mp4,x,Doe,12,left\nb.mp4,y,Roe,12,right\n")
    dataset = read_dataset(clips)
    assert segments(dataset)["a.mp4"] == (Segment(0, math.inf, "x"),)
    assert dataset.warnings == ("columns of manifest.csv that are not read: duration, last_name, start_hand",)


@pytest.mark.parametrize("label", ["nan", "NaN", "#N/A", "#NAME?", "null"])
def test_what_programs_write_for_no_value_is_no_label(clips: Path, label: str) -> None:
    (clips / "manifest.csv").write_text(f"path,label\na.mp4,{label}\nb.mp4,y\n")
    with pytest.raises(DataError, match=r"row 2: the label is .*as programs write it where there is no value"):
        read_dataset(clips)


@pytest.mark.parametrize("column", ["set", "Phase", "usage"])
def test_splits_in_columns_of_other_names(clips: Path, column: str) -> None:
    (clips / "manifest.csv").write_text(f"path,label,{column}\na.mp4,x,Train\nb.mp4,y,TEST\n")
    assert [recording.split for recording in read_dataset(clips).recordings] == ["train", "test"]
    (clips / "manifest.csv").write_text(f"path,label,{column}\na.mp4,x,1\nb.mp4,y,2\n")
    with pytest.raises(DataError, match=r"row 2: split '1' is none of .*call it something else"):
        read_dataset(clips)


@pytest.mark.parametrize("name", [r"sub\deep\a.mp4", r".\sub\deep\a.mp4", r"sub\deep/a.mp4"])
def test_backslashes_separate_folders(tmp_path: Path, name: str) -> None:
    clip(tmp_path / "sub/deep/a.mp4")
    clip(tmp_path / "b.mp4")
    (tmp_path / "manifest.csv").write_text(f"path;label\n{name};x\nb.mp4;y\n")
    assert read_dataset(tmp_path).recordings[0].name == "sub/deep/a.mp4"
    # A file of that very name goes before.
    clip(tmp_path / name)
    assert read_dataset(tmp_path).recordings[0].path.name == name.removeprefix("sub\\deep/")


@pytest.mark.parametrize("name", [r"C:\data\a.mp4", "D:/data/a.mp4", r"\\server\share\a.mp4", r"..\..\a.mp4"])
def test_paths_of_another_machine_are_refused(clips: Path, name: str) -> None:
    (clips / "manifest.csv").write_text(f"path;label\n{name};x\nb.mp4;y\n")
    with pytest.raises(DataError, match=r"row 2: .*(path of another machine: write paths relative to|lies outside of)"):
        read_dataset(clips)


@pytest.mark.parametrize(
    "given", ["data", "data/", "./data", "data/../data", "link", "link/", "{abs}/data", "{abs}/link", "{abs}/link/"]
)
@pytest.mark.parametrize("listed", ["{abs}/data/v", "{abs}/link/v", "{abs}/./data/v", "v"])
def test_absolute_paths_below_data_however_data_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, listed: str
) -> None:
    clip(tmp_path / "data/v/a.mp4")
    clip(tmp_path / "data/v/b.mp4")
    clip(tmp_path / "elsewhere/v/c.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    folder = listed.format(abs=tmp_path)
    manifest = tmp_path / "data/manifest.csv"
    manifest.write_text(f"path,label\n{folder}/a.mp4,x\n{folder}/b.mp4,y\n")
    data = Path(given.format(abs=tmp_path))
    for path in (data, data / "manifest.csv"):
        assert [recording.name for recording in read_dataset(path).recordings] == ["v/a.mp4", "v/b.mp4"]
    monkeypatch.chdir(tmp_path / "data")
    assert [recording.name for recording in read_dataset(Path(".")).recordings] == ["v/a.mp4", "v/b.mp4"]
    manifest.write_text(f"path,label\n{folder}/a.mp4,x\n{tmp_path}/elsewhere/v/c.mp4,y\n")
    with pytest.raises(DataError, match=r"row 3: .* lies outside of"):
        read_dataset(Path("."))


def test_a_link_and_dots_do_not_lead_out(tmp_path: Path) -> None:
    clip(tmp_path / "secret/x.mp4")
    clip(tmp_path / "data/a.mp4")
    clip(tmp_path / "secret/films/y.mp4")
    (tmp_path / "data/films").symlink_to(tmp_path / "secret/films", target_is_directory=True)
    (tmp_path / "data/manifest.csv").write_text("path,label\na.mp4,x\nfilms/../x.mp4,y\n")
    with pytest.raises(DataError, match="row 3: no file"):
        read_dataset(tmp_path / "data")


def test_clips_that_were_converted_are_found_and_said(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.MP4", "c.mkv", "c.webm"):
        clip(tmp_path / name)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label\na.avi,x\nb,y\n")
    dataset = read_dataset(tmp_path)
    assert [recording.name for recording in dataset.recordings] == ["a.mp4", "b.MP4"]
    (said,) = dataset.warnings
    assert "2 clips that manifest.csv lists have another suffix on the disk: a.avi is a.mp4, b is b.MP4" in said
    manifest.write_text("path,label\na.avi,x\nc.avi,y\n")
    with pytest.raises(DataError, match=r"row 3: no file .*c\.avi, but c\.mkv and c\.webm: name the one that is meant"):
        read_dataset(tmp_path)


def test_a_table_beside_a_clip_that_is_no_timeline_is_a_warning(tmp_path: Path) -> None:
    for name in ("wave/a.mp4", "clap/b.mp4", "clap/c.mp4"):
        clip(tmp_path / name)
    (tmp_path / "wave/a.csv").write_text("start_time,from,to,x\n0,1,2,3\n")
    (tmp_path / "clap/b.csv").write_bytes(b"\x00\xff\xfe binary \x9c")
    (tmp_path / "clap/c.csv").write_text("")
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("clap", "wave")
    assert len(dataset.warnings) == 3
    assert all("is no timeline" in said for said in dataset.warnings)
    (tmp_path / "a.csv").write_text("time,x,y\n")
    clip(tmp_path / "a.mp4")
    with pytest.raises(DataError, match=r"a\.mp4 has no label"):
        read_dataset(tmp_path)


def test_a_timeline_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    clip(tmp_path / "film.mp4")
    write(tmp_path / "film.csv", "sep=;\nStart;End;Tag\n0:01;0:02,5;winken\n00:00:03;4;gehen\n", encoding="utf-16")
    (film,) = read_dataset(tmp_path).recordings
    assert film.segments == (Segment(1, 2.5, "winken"), Segment(3, 4, "gehen"))
    write(tmp_path / "film.csv", "start;end;label\n0;1;grüßen\n", encoding="cp1252")
    with pytest.raises(DataError, match=r"film\.csv, row 2: not UTF-8 text"):  # a timeline for sure: not passed over
        read_dataset(tmp_path)


def test_two_spellings_of_a_word_are_one(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "dänce") for form in ("NFC", "NFD"))
    clip(tmp_path / "u" / composed / "1.mp4")
    clip(tmp_path / "u" / decomposed / "2.mp4")
    clip(tmp_path / "u/idle/3.mp4")
    dataset = read_dataset(tmp_path / "u", background=None)
    assert dataset.labels == (composed, "idle")
    assert read_dataset(tmp_path / "u", background=decomposed).background == composed
    # A list may use either form, for labels and for files and folders.
    for folder, listed in ((composed, decomposed), (decomposed, composed)):
        data = tmp_path / f"l{len(folder)}"
        clip(data / folder / f"{folder}.mp4")
        clip(data / "x.mp4")
        (data / "manifest.csv").write_text(f"path,label\n{listed}/{listed}.mp4,{listed}\nx.mp4,{folder}x\n")
        dataset = read_dataset(data)
        assert os.path.isfile(dataset.recordings[0].path)
        assert dataset.labels == (composed, f"{composed}x")


@pytest.mark.parametrize("name", ["labels.csv", "labels.txt", "manifest.csv"])
def test_bare_names_are_found_in_folders_beside_the_list(tmp_path: Path, name: str) -> None:
    for path in ("videos/a.mp4", "videos/b.mp4", "old/c.mp4"):
        clip(tmp_path / path)
    (tmp_path / name).write_text("filename,label\na.mp4,x\nb.mp4,y\nold/c.mp4,x\n")
    dataset = read_dataset(tmp_path / name)
    assert [recording.name for recording in dataset.recordings] == ["videos/a.mp4", "videos/b.mp4", "old/c.mp4"]
    assert dataset.warnings == (
        f"2 clips lie in other folders than {name} says: a.mp4 is videos/a.mp4, b.mp4 is videos/b.mp4",
    )
    # Which of two is meant nobody can know.
    clip(tmp_path / "old/a.mp4")
    with pytest.raises(DataError, match=r"row 2: 2 files are called a\.mp4: .*; write the path with its folder"):
        read_dataset(tmp_path / name)


def test_capitals_of_names_are_those_of_the_disk(tmp_path: Path) -> None:
    clip(tmp_path / "A.MP4")
    clip(tmp_path / "b.mp4")
    (tmp_path / "Manifest.CSV").write_text("path,label\na.mp4,x\nB.mp4,y\n")
    dataset = read_dataset(tmp_path)
    assert [recording.name for recording in dataset.recordings] == ["A.MP4", "b.mp4"]
    assert "another suffix on the disk: a.mp4 is A.MP4, B.mp4 is b.mp4" in " ".join(dataset.warnings)


@pytest.mark.parametrize("name", ["labels.csv", "annotations.tsv", "lists/all.csv", "manifest.csv.txt"])
def test_lists_that_contradict_the_folders_are_not_passed_over(tmp_path: Path, name: str) -> None:
    for path in ("old/a.mp4", "old/b.mp4", "new/c.mp4"):
        clip(tmp_path / path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    up = "../" if "/" in name else ""
    text = f"path,label\n{up}old/a.mp4,x\n{up}old/b.mp4,y\n{up}new/c.mp4,x\n"
    (tmp_path / name).write_text(text.replace(",", "\t") if name.endswith(".tsv") else text)
    with pytest.raises(DataError, match=r"it says x of old/a\.mp4, and its folder says old: give .* as DATA, or move"):
        read_dataset(tmp_path)
    (tmp_path / name).write_text(f"path,label,split\n{up}old/a.mp4,old,train\n{up}new/c.mp4,new,test\n")
    with pytest.raises(DataError, match=r"it puts old/a\.mp4 into train, which its folder does not say: give"):
        read_dataset(tmp_path)
    (tmp_path / name).write_text(f"path,label\n{up}old/a.mp4,old\n{up}new/c.mp4,new\n")
    assert read_dataset(tmp_path).warnings[-1].startswith("lists beside the clips were not read: ")
    (tmp_path / name).unlink()
    (tmp_path / "labels.xlsx").touch()
    assert read_dataset(tmp_path).warnings[-1] == "lists beside the clips were not read: labels.xlsx"
