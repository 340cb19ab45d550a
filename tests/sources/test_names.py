"""Names of sources that nobody has named: they tell cameras apart, and tell no secrets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream import CameraSettings, FrameStreamError
from framestream.sources import open_source
from framestream.sources.names import name_sources
from framestream.watch.camera_settings import check_name

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# What ends a user, a password, a host, a path or a query comes more often than by chance.
PART = st.text(st.sampled_from("aZ0/?#@:& =%._-\\é"), max_size=8)


def test_cameras_of_different_hosts_are_called_by_their_host() -> None:
    sources = ["rtsp://me:pw@door/ch1", "http://yard:8080/video?token=t0ken", "rtsp://[2001:db8::7]:554/ch1"]
    assert name_sources(sources) == ["door", "yard:8080", "[2001:db8::7]:554"]


@pytest.mark.parametrize(
    "rest",
    [
        "/ch1",
        "/Streaming/Channels/101",
        "/cam/realmonitor?channel=1&subtype=0&user=me&password=s3cret",
        "/user=me&password=s3cret&channel=3&stream=0.sdp?real_stream",
        "/user=me_password=s3cret_channel=1_stream=0.sdp",
        "/OxgYyqTTGyF9lEiE?enableSrtp",
        "/550e8400-e29b-41d4-a716-446655440000",
        "/live?stream=OxgYyqTTGyF9lEiE",
        "/front%20door/index.m3u8#s3cret",
        "?token=s3cret",
        "#s3cret",
        "",
    ],
)
def test_cameras_of_one_host_are_numbered(rest: str) -> None:
    sources = [f"rtsp://me:pa55@nvr:554{rest}", "rtsp://nvr:554/the-other", "http://door", f"rtsp://nvr:554{rest}"]
    assert name_sources(sources) == ["nvr:554", "nvr:554#2", "door", "nvr:554#3"]


def test_a_password_that_looks_like_a_path_is_not_shown() -> None:
    assert name_sources(["rtsp://me:pa/55@nvr/ch1", "rtsp://me:pa/55@nvr/ch2"]) == ["***", "***#2"]


def test_an_address_without_a_host_has_a_name_all_the_same() -> None:
    assert name_sources(["rtsp://", "udp://:5004", "udp://@239.0.0.1:5004"]) == ["rtsp://", ":5004", "239.0.0.1:5004"]


def test_recordings_and_others() -> None:
    sources = ["a/film.mp4", "b/film.mp4", "c/other.mp4", "frames/", "-", "0"]
    assert name_sources(sources) == ["a/film.mp4", "b/film.mp4", "other.mp4", "frames", "stdin", "0"]
    assert name_sources(["a/film.mp4", "a/film.mp4"]) == ["film.mp4", "film.mp4#2"]


def test_a_recording_that_is_called_like_a_host_is_told_apart() -> None:
    assert name_sources(["rtsp://door/1", "films/door", "door#2", "rtsp://door/2"]) == [
        *("door", "films/door", "door#2", "door#3"),
    ]


def test_names_depend_on_no_order() -> None:
    sources = ["rtsp://nvr/ch1", "a/film.mp4", "b/film.mp4", "rtsp://door/ch1"]
    assert dict(zip(sources, name_sources(sources), strict=True)) == dict(
        zip(reversed(sources), name_sources(sources[::-1]), strict=True)
    )


@given(st.lists(TEXT | PART, min_size=1, max_size=5))
def test_any_address_gets_a_name_of_its_own_that_may_be_shown(rests: list[str]) -> None:
    names = name_sources([f"rtsp://me:pa55w0rd@nvr/{rest}" for rest in rests])
    assert len(set(names)) == len(rests)
    for name in names:
        assert check_name(name) == name
        assert re.fullmatch(r"(nvr|\*\*\*)(#[2-5])?", name)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://me:{}@nvr/ch1",
        "rtsp://{}@nvr/ch1",
        "rtsp://nvr/{}/ch1",
        "rtsp://nvr/ch1?token={}&channel=1",
        "rtsp://nvr?channel={}",
        "rtsp://nvr/ch1#{}",
    ],
)
@given(before=PART, after=PART)
def test_no_part_of_an_address_but_its_host_is_shown_anywhere(address: str, before: str, after: str) -> None:
    given_address = address.format(f"{before}SeCrEt{after}")
    with pytest.raises(FrameStreamError) as caught:
        open_source(given_address)
    shown = [*name_sources([given_address, given_address]), str(caught.value), repr(CameraSettings(given_address))]
    assert "SeCrEt" not in "\n".join(shown)
