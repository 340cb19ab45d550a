"""What a source is called, and what is opened for it."""

import sys
from pathlib import Path

import cv2
import pytest

from framestream import SettingsError, SourceError, SourceNotFoundError, UnreadableSourceError
from framestream.sources import (
    ImageSequence,
    PushedFrames,
    SourceKind,
    SourceOptions,
    VideoFile,
    classify,
    is_live,
    open_source,
)
from tests.conftest import WriteVideo, colour_image
from tests.image_source import ImageSource


@pytest.mark.parametrize(
    ("source", "kind", "live"),
    [
        ("film.mp4", SourceKind.FILE, False),
        ("0.mp4", SourceKind.FILE, False),
        ("./0", SourceKind.FILE, False),
        (Path("0"), SourceKind.FILE, False),
        (Path("-"), SourceKind.FILE, False),
        ("a b://c.mp4", SourceKind.FILE, False),
        ("nul\0.mp4", SourceKind.FILE, False),
        ("x" * 5000, SourceKind.FILE, False),
        ("frames/*.jpg", SourceKind.IMAGES, False),
        ("frames/a?.jpg", SourceKind.IMAGES, False),
        (Path("frames/a[0-9].jpg"), SourceKind.IMAGES, False),
        ("-", SourceKind.STDIN, False),
        (0, SourceKind.DEVICE, True),
        ("0", SourceKind.DEVICE, True),
        ("12", SourceKind.DEVICE, True),
        ("/dev/video0", SourceKind.DEVICE, True),
        (Path("/dev/v4l/by-id/usb-camera"), SourceKind.DEVICE, True),
        ("rtsp://camera/1", SourceKind.URL, True),
        ("RTSPS://me:secret@camera/1", SourceKind.URL, True),
        ("http://camera/mjpeg?x=[1]*", SourceKind.URL, True),
        ("https://camera/live.m3u8", SourceKind.URL, True),
        ("udp://@239.0.0.1:1234", SourceKind.URL, True),
    ],
)
def test_the_name_says_the_kind(source: int | str | Path, kind: SourceKind, live: bool) -> None:
    assert classify(source) is kind
    assert is_live(source) is kind.is_live is live


def test_folders_and_patterns_are_images_unless_a_file_has_that_very_name(tmp_path: Path) -> None:
    assert classify(tmp_path) is SourceKind.IMAGES
    odd = tmp_path / "cam[1].mp4"
    assert classify(odd) is SourceKind.IMAGES
    odd.write_bytes(b"")
    assert classify(odd) is SourceKind.FILE


def test_an_object_knows_itself_whether_it_is_live() -> None:
    assert classify(PushedFrames(size_wh=(4, 4))) is SourceKind.FRAMES
    assert not is_live(PushedFrames(size_wh=(4, 4)))
    assert is_live(PushedFrames(size_wh=(4, 4), live=True))


@pytest.mark.parametrize("source", [b"film.mp4", None, object(), True, 1.5])
def test_what_is_no_source_is_refused(source: object) -> None:
    for ask in (classify, is_live, open_source):
        with pytest.raises(SettingsError, match="give a path, an address, a device index, or an object with"):
            ask(source)  # type: ignore[operator]


def test_a_negative_device_index_is_refused() -> None:
    with pytest.raises(SettingsError, match="start at 0"):
        classify(-1)


@pytest.mark.parametrize("address", ["file:///film.mp4", "ftp://me:secret@host/film.mp4", "s3://bucket/secret"])
def test_an_address_of_another_scheme_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="addresses of this scheme cannot be watched") as caught:
        classify(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://camera/1", "rtsp://camera"),
        ("rtsp://camera:8554/1?user=me&password=secret", "rtsp://camera:8554"),
        ("rtsp://me:secret@camera/1", "rtsp://camera"),
        ("rtsp://me:se@cret@camera/1", "rtsp://camera"),
        # Where the host is cannot be told any more.
        ("rtsp://me:se/cret@camera/1", "rtsp://***"),
        ("rtsp://me:se cret@camera/1", "rtsp://***"),
        ("rtsp://me:se?cret@camera/1", "rtsp://***"),
        ("rtsp://me:se#cret@camera/1", "rtsp://***"),
        ("rtsp://camera/1?password=se@cret", "rtsp://***"),
    ],
)
def test_of_an_address_only_scheme_and_host_are_shown(address: str, shown: str) -> None:
    with pytest.raises(UnreadableSourceError) as caught:
        open_source(address)
    assert str(caught.value).startswith(f"{shown}: a camera cannot be read as a recording")


@pytest.mark.parametrize("device", [0, "0", "/dev/video0"])
def test_a_device_is_no_recording(device: int | str) -> None:
    with pytest.raises(UnreadableSourceError, match="a camera cannot be read as a recording"):
        open_source(device)


def test_a_source_is_passed_on_and_a_path_opened(write_video: WriteVideo, tmp_path: Path) -> None:
    source = ImageSource([(0.0, colour_image("red"))])
    assert open_source(source) is source
    opened = open_source(str(write_video(["red"])))
    assert isinstance(opened, VideoFile)
    opened.close()
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "1.png"), colour_image("red"))
    opened = open_source(tmp_path / "images", options=SourceOptions(image_rate=2))
    assert isinstance(opened, ImageSequence)
    opened.close()


def test_what_cannot_be_opened_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="no such file"):
        open_source(tmp_path / "missing.mp4")
    with pytest.raises(SettingsError, match=r"images carry no times; .*--image-rate"):
        open_source(tmp_path)
    with pytest.raises(UnreadableSourceError, match="is a directory without images"):
        open_source(tmp_path, options=SourceOptions(image_rate=10))
    with pytest.raises(SourceError, match="no file has such a name"):
        open_source(str(tmp_path / "*.png"), options=SourceOptions(image_rate=10))


@pytest.mark.parametrize("options", [SourceOptions(), SourceOptions(raw_rate=25), SourceOptions(raw_size_wh=(4, 4))])
def test_standard_input_needs_size_and_rate(options: SourceOptions) -> None:
    with pytest.raises(SettingsError, match=r"--size WIDTHxHEIGHT .* and --rate"):
        open_source("-", options=options)


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UnreadableSourceError, match="nothing is piped into it"):
        open_source("-", options=SourceOptions(raw_rate=25, raw_size_wh=(4, 4)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_rate": 0}, "image_rate is 0"),
        ({"raw_rate": float("nan")}, "raw_rate is nan"),
        ({"raw_size_wh": (0, 4)}, "raw_size_wh is"),
        ({"raw_size_wh": (4,)}, "raw_size_wh is"),
    ],
)
def test_options_out_of_range_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SourceOptions(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "slip", ["rtsp:/me:secret@camera/1", "rtsp//me:secret@camera", "me:secret@camera/1", " rtsp://me:secret@camera"]
)
def test_an_address_with_a_slip_does_not_show_its_password(slip: str) -> None:
    with pytest.raises(SettingsError, match="write rtsp://user:password@host/path") as caught:
        classify(slip)
    assert "secret" not in str(caught.value)


def test_a_file_may_be_called_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "10:30 @home.mp4"
    assert classify(f"./{name}") is SourceKind.FILE
    assert classify(str(tmp_path / name)) is SourceKind.FILE
    (tmp_path / name).write_bytes(b"")
    assert classify(name) is SourceKind.FILE


def test_nothing_is_no_source() -> None:
    with pytest.raises(SettingsError, match="source is empty"):
        classify("")
