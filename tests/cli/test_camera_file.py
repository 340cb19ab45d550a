import dataclasses
import os
from pathlib import Path

import pytest

from framestream import CameraSettings, EventSettings, LiveSettings, SettingsError, SourceOptions, Zone
from framestream.cli.camera_file import Cameras, Changes, read_cameras
from framestream.model.spec import adapt_events

EVENTS = EventSettings(enter=0.6, leave=0.4, smoothing_seconds=0.3, min_seconds=0.5)
LIVE = LiveSettings(stall_seconds=7.0)
OPTIONS = SourceOptions(image_rate=5.0)

GOOD = """
# two cameras and a film
[[camera]]
name = "door"
url = "rtsp://me:secret@192.0.2.1/stream?token=hidden"
enter = 0.3
zones = [
    { name = "mat", box = [0.2, 0.5, 0.8, 1] },
    { name = "bench", polygon = [[0, 0.4], [0.3, 0.4], [0.2, 0.9]] },
]

[[camera]]
name = "desk"
url = 0
enter = 0.9
leave = 0.7
min_seconds = 2

[[camera]]
name = "film"
url = "films/a.webm"
"""


def read(path: Path, text: str) -> Cameras:
    path.write_text(text)
    return read_cameras(path, events=EVENTS, live=LIVE, options=OPTIONS)


def test_cameras_are_read_with_all_they_say(tmp_path: Path) -> None:
    cameras = read(tmp_path / "cameras.toml", GOOD)
    assert list(cameras) == ["door", "desk", "film"]
    assert cameras["door"] == CameraSettings(
        "rtsp://me:secret@192.0.2.1/stream?token=hidden",
        # Given alone, enter takes leave along.
        events=dataclasses.replace(EVENTS, enter=0.3, leave=0.3),
        zones=(Zone("mat", 0.2, 0.5, 0.8, 1.0), Zone("bench", 0.0, 0.4, 0.3, 0.9)),
        options=OPTIONS,
        live=LIVE,
    )
    assert "secret" not in repr(cameras)
    assert cameras["desk"].source == 0
    assert cameras["desk"].events == dataclasses.replace(EVENTS, enter=0.9, leave=0.7, min_seconds=2.0)
    # A path is meant from the file's folder on, wherever the command is started.
    assert cameras["film"].source == str(tmp_path / "films" / "a.webm")
    assert cameras["film"].events == EVENTS


def test_a_byte_order_mark_in_front_changes_nothing(tmp_path: Path) -> None:
    expected = read(tmp_path / "cameras.toml", GOOD)
    (tmp_path / "cameras.toml").write_bytes(GOOD.replace("\n", "\r\n").encode("utf-8-sig"))
    assert read_cameras(tmp_path / "cameras.toml", events=EVENTS, live=LIVE, options=OPTIONS) == expected


def test_the_example_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    import framestream.cli.camera_file

    text = framestream.cli.camera_file.__doc__ or ""
    example = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    cameras = read(tmp_path / "cameras.toml", example)
    assert [zone.name for zone in cameras["door"].zones] == ["mat", "bench"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[camera]\n", ["is not TOML", "line 1"]),
        ("", ["names no camera"]),
        ("camera = 3", ["names no camera"]),
        ("camera = [3]", ["camera 1 is no table"]),
        ("colour = 1\n[[camera]]\nname='a'\nurl='b'", ["colour is not known"]),
        ("[[camera]]\nname='a'", ["camera 1 has no url"]),
        ("[[camera]]\nurl='a'", ["camera 1 has no name"]),
        ("[[camera]]\nname=''\nurl='a'", ["camera 1", "give it a name"]),
        ("[[camera]]\nname='a'\nurl=true", ["camera 1 (a)", "url is no text"]),
        ("[[camera]]\nname='a'\nurl='gopher://me:secret@x'", ["camera 1 (a)", "gopher://x"]),
        ("[[camera]]\nname='a'\nurl='b'\nzone='c'", ["camera 1", "zone is not known", "zones"]),
        ("[[camera]]\nname='a'\nurl='b'\n[[camera]]\nname='a'\nurl='c'", ["camera 2", "name a occurs twice"]),
        ("[[camera]]\nname='rtsp://me:secret@x'\nurl='b'", ["camera 1", "another name"]),
        ("[[camera]]\nname='a'\nurl='rtsp:/me:secret@x'", ["camera 1 (a)", "no address either"]),
        ("[[camera]]\nname='a'\nurl='-'\n[[camera]]\nname='b'\nurl='-'", ["one camera only, not by a and b"]),
        ("[[camera]]\nname='a'\nurl='b'\nenter='high'", ["camera 1 (a)", "enter is 'high'", "number"]),
        ("[[camera]]\nname='a'\nurl='b'\nenter=1.5", ["camera 1 (a)", "enter is 1.5"]),
        ("[[camera]]\nname='a'\nurl='b'\nleave=0.9", ["camera 1 (a)", "leave is 0.9 with enter 0.6"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=3", ["camera 1 (a)", "zones is no list"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=[{name='z'}]", ["zone z", "either box or polygon"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=[{name='z', box=[0, 0, 1]}]", ["zone z", "[left, top, right, bottom]"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=[{name='z', box=[0, 0, 2, 1]}]", ["zone z", "0 to 1"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=[{name='z', polygon=[[0, 0], 3]}]", ["polygon is 3"]),
        ("[[camera]]\nname='a'\nurl='b'\nzones=[{box=[0, 0, 1, 1]}]", ["give it a name"]),
        (
            "[[camera]]\nname='a'\nurl='b'\nzones=[{name='z', box=[0,0,1,1]}, {name='z', box=[0,0,1,1]}]",
            ["zone z occurs twice"],
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path / "cameras.toml", text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "cameras.toml"))
    assert "\n" not in message
    assert "secret" not in message
    assert [word for word in words if word not in message] == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read \(No such file"):
        read_cameras(tmp_path / "none.toml", events=EVENTS, live=LIVE, options=OPTIONS)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary\.toml is not TOML"):
        read_cameras(tmp_path / "binary.toml", events=EVENTS, live=LIVE, options=OPTIONS)


DEEP = 20_000
HOSTILE = {
    "400 digits": f"[[camera]]\nname='a'\nurl='b'\nenter={'9' * 400}",
    "400 digits in a box": f"[[camera]]\nname='a'\nurl='b'\nzones=[{{name='z', box=[0, 0, 1, {'9' * 400}]}}]",
    "400 digits as a device": f"[[camera]]\nname='a'\nurl={'9' * 400}",
    "400 digits as a name": f"[[camera]]\nname={'9' * 400}\nurl='b'",
    "5,000 digits": f"[[camera]]\nname='a'\nurl='b'\nenter={'9' * 5000}",
    "5,000 digits in quotes": f"[[camera]]\nname='a'\nurl='{'9' * 5000}'",
    "hexadecimal digits without end": f"[[camera]]\nname='a'\nurl='b'\nenter=0x{'f' * 20_000}",
    "hexadecimal digits as a device": f"[[camera]]\nname='a'\nurl=0x{'f' * 20_000}",
    "hexadecimal digits as a name": f"[[camera]]\nname=0x{'f' * 20_000}\nurl='b'",
    "hexadecimal digits in a polygon": f"[[camera]]\nname='a'\nurl='b'\nzones=[{{name='z', polygon=0x{'f' * 9999}}}]",
    "exponent": "[[camera]]\nname='a'\nurl='b'\nenter=1e9999",
    "lists in lists": "[[camera]]\nname='a'\nurl='b'\nzones=" + "[" * DEEP + "]" * DEEP,
    "tables in tables": "[[camera]]\nname='a'\nurl='b'\nzones=" + "{a=" * DEEP + "1" + "}" * DEEP,
    "a key of many parts": "[[camera]]\nname='a'\nurl='b'\nenter." + ".".join(["a"] * DEEP) + "=1",
    "a name of many parts": "[[camera]]\nurl='b'\nname." + ".".join(["a"] * DEEP) + "=1",
    "a table of many parts": "[" + ".".join(["a"] * DEEP) + "]",
    "a long name": f"[[camera]]\nname='{'a' * 100_000}'\n",
    "a long key": f"{'a' * 100_000} = 1",
    "no time": "[[camera]]\nname='a'\nurl='b'\nenter=2001-99-99",
    "a time": "[[camera]]\nname='a'\nurl='b'\nenter=2001-01-01T00:00:00Z",
    "a control character": '[[camera]]\nname="a\\u001b[2J"\nurl="b"',
    "NUL": "[[camera]]\nname='a'\0",
}
"""Content that is TOML in name only, by what is odd about it."""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_it_holds_is_one_short_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path / "cameras.toml", text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "cameras.toml"))
    assert message.isprintable()
    assert len(message) < 500


def test_what_stands_in_its_place_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read_cameras(path, events=EVENTS, live=LIVE, options=OPTIONS, waits=False)
    path.rmdir()
    # Nobody writes to it, so reading would wait for ever.
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="no regular file"):
        read_cameras(path, events=EVENTS, live=LIVE, options=OPTIONS, waits=False)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(SettingsError, match="larger than"):
        read_cameras(path, events=EVENTS, live=LIVE, options=OPTIONS)


def test_a_camera_may_sign_for_itself(tmp_path: Path) -> None:
    text = "[[camera]]\nname='own'\nurl='rtsps://a/1'\ninsecure=true\n[[camera]]\nname='other'\nurl='rtsps://a/2'\n"
    cameras = read(tmp_path / "cameras.toml", text)
    assert [cameras[name].live.insecure for name in ("own", "other")] == [True, False]
    assert cameras["other"].live == LIVE
    with pytest.raises(SettingsError, match=r"camera 1 \(a\): insecure is 'no'; give true or false"):
        read(tmp_path / "cameras.toml", "[[camera]]\nname='a'\nurl='rtsps://a/1'\ninsecure='no'")


def test_limits_of_readers_are_those_of_each_camera(tmp_path: Path) -> None:
    text = "[[camera]]\nname='own'\nurl='rtsp://a/1'\npicture_megapixels=100\nreader_memory_gb=2.5\n"
    cameras = read(tmp_path / "cameras.toml", text + "[[camera]]\nname='other'\nurl='rtsp://a/2'\n")
    own = cameras["own"].live
    assert (own.picture_megapixels, own.reader_memory_gb, own.stall_seconds) == (100.0, 2.5, LIVE.stall_seconds)
    assert cameras["other"].live == LIVE
    for value in ("0", "'much'", "nan"):
        with pytest.raises(SettingsError, match=r"camera 1 \(a\): reader_memory_gb is"):
            read(tmp_path / "cameras.toml", f"[[camera]]\nname='a'\nurl='rtsp://a/1'\nreader_memory_gb={value}")


def test_a_mark_in_front_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    read_cameras(tmp_path / "marked.toml", events=EVENTS, live=LIVE, options=OPTIONS)


def test_changes_are_told_by_name(tmp_path: Path) -> None:
    before = read(tmp_path / "cameras.toml", GOOD)
    same = read(tmp_path / "cameras.toml", GOOD)
    assert str(Changes.between(before, same)) == "0 added, 0 removed, 0 changed"
    text = GOOD.replace('"desk"', '"hall"').replace("min_seconds = 2", "min_seconds = 3").replace("0.8, 1]", "0.9, 1]")
    changes = Changes.between(before, read(tmp_path / "cameras.toml", text))
    assert changes == Changes(added=("hall",), removed=("desk",), changed=("door",))


def test_nothing_given_changes_nothing() -> None:
    assert adapt_events(EVENTS, {"enter": None, "leave": None}) == EVENTS
