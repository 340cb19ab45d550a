"""Names of sources that nobody has named: they tell cameras apart, and tell no secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.sources.names import name_sources
from framestream.watch.settings import check_name


def test_cameras_of_different_hosts_are_called_by_their_host() -> None:
    assert name_sources(["rtsp://me:pw@door/ch1", "http://yard:8080/video?token=t0ken"]) == [
        "rtsp://door",
        "http://yard:8080",
    ]


@pytest.mark.parametrize(
    ("rest", "shown"),
    [
        ("/ch1", "/ch1"),
        ("/Streaming/Channels/101", "/Streaming/Channels/101"),
        ("/h264Preview_01_main", "/h264Preview_01_main"),
        ("/cam/realmonitor?channel=1&subtype=0&user=me&password=s3cret", "/cam/realmonitor?channel=1&subtype=0"),
        ("/axis-cgi/mjpg/video.cgi?camera=2&token=s3cret", "/axis-cgi/mjpg/video.cgi?camera=2"),
        ("/user=me&password=s3cret&channel=3&stream=0.sdp?real_stream", "/channel=3&stream=0"),
        ("/user=me_password=s3cret_channel=1_stream=0.sdp", "/channel=1&stream=0"),
        ("/user=me&password=s3cret", "/…"),
        # Keys that are the whole path.
        ("/OxgYyqTTGyF9lEiE?enableSrtp", "/…"),
        ("/550e8400-e29b-41d4-a716-446655440000", "/…"),
        ("/live/3f2a9c17e4b05d68", "/live/…"),
        ("/live?stream=OxgYyqTTGyF9lEiE", "/live"),
        ("/front%20door/index.m3u8#s3cret", "/…/index.m3u8"),
        ("", ""),
    ],
)
def test_cameras_of_one_host_are_told_apart_by_their_path(rest: str, shown: str) -> None:
    first, other = name_sources([f"rtsp://me:pa55@nvr:554{rest}", "rtsp://nvr:554/the-other"])
    assert (first, other) == (f"rtsp://nvr:554{shown}", "rtsp://nvr:554/the-other")


def test_a_password_that_looks_like_a_path_is_not_shown() -> None:
    assert name_sources(["rtsp://me:pa/55@nvr/ch1", "rtsp://me:pa/55@nvr/ch2"]) == ["rtsp://***", "rtsp://*** #2"]


def test_what_nothing_tells_apart_is_numbered() -> None:
    same = ["rtsp://nvr/OxgYyqTTGyF9lEiE", "rtsp://nvr/OxgYyqTTGyF9lEiX", "rtsp://nvr/OxgYyqTTGyF9lEiY"]
    assert name_sources(same) == ["rtsp://nvr/…", "rtsp://nvr/… #2", "rtsp://nvr/… #3"]


def test_recordings_and_others() -> None:
    sources = ["a/film.mp4", "b/film.mp4", "c/other.mp4", "frames/", "-", "0"]
    assert name_sources(sources) == ["a/film.mp4", "b/film.mp4", "other.mp4", "frames", "stdin", "0"]


def test_names_depend_on_no_order() -> None:
    sources = ["rtsp://nvr/ch1", "rtsp://nvr/ch2", "rtsp://door/ch1"]
    assert dict(zip(sources, name_sources(sources), strict=True)) == dict(
        zip(reversed(sources), name_sources(sources[::-1]), strict=True)
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=5))
def test_any_address_gets_a_name_of_its_own_that_may_be_shown(rests: list[str]) -> None:
    names = name_sources([f"rtsp://me:pa55w0rd@nvr/{rest}" for rest in rests])
    assert len(set(names)) == len(rests)
    for name in names:
        assert check_name(name) == name
        assert "pa55w0rd" not in name
