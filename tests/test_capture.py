import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from framestream import SettingsError, SourceError, SourceNotFoundError, UnreadableSourceError
from framestream.capture import VideoFile, open_source
from tests.conftest import WriteVideo, colour_image, times_open
from tests.image_source import ImageSource
from tests.raw_h264 import raw_h264

# What FFmpeg itself decodes, and the last timestamp relative to the stream's start (None: it has none), read with PyAV.
DECODABLE = {
    "audio_video.mp4": (120, 3.970633),
    "base.mp4": (120, 3.970633),
    "corrupt_bytes.ts": (235, 7.877100),
    "corrupt_mdat.mp4": (159, 5.296089),
    "five_frames.mp4": (5, 0.133467),
    "flv.flv": (120, 3.971000),
    "fps_0_5.mp4": (6, 10.0),
    "fps_120.mp4": (240, 1.991667),
    "fragmented.mp4": (120, 3.970633),
    "gray8_ffv1.mkv": (60, 1.969),
    "hevc.mp4": (60, 1.968633),
    "interlaced_tff.mp4": (100, 3.96),
    "mpeg2_sar_16_11.mpg": (90, 2.969633),
    "name with spaces & ünïcode.mp4": (120, 3.970633),
    "odd_dims_175x131_yuv444.mp4": (90, 2.969633),
    "odd_dims_177x133_mjpeg.avi": (90, 2.969633),
    "one_frame.mp4": (1, 0.0),
    "prores422_10bit.mov": (60, 1.968633),
    "pts_near_wrap.ts": (120, 3.970633),
    "raw_annexb.h264": (60, None),
    "resolution_change_pts_reset.ts": (120, 1.968633),
    "rot90_displaymatrix.mp4": (120, 3.970633),
    "single_keyframe_bframes.mp4": (240, 7.974633),
    "truncated_faststart.mp4": (119, 3.955307),
    "vfr.mp4": (185, 9.876533),
    "vp9.webm": (60, 1.969),
}
UNREADABLE = [
    "audio_only.mp4",
    "empty.mp4",
    "moov_no_tracks.mp4",
    "not_a_video.mp4",
    "truncated_no_moov.mp4",
    "zero_frames_fragmented.mp4",
]


def timestamps(path: Path) -> list[float]:
    source = VideoFile(path)
    times = []
    while (pts_seconds := source.grab()) is not None:
        times.append(pts_seconds)
    source.close()
    return times


def test_frames_come_with_their_time_and_content(write_video: WriteVideo) -> None:
    source = VideoFile(write_video(["red", "green", "blue"], fps=12.5))
    seen = []
    while (pts_seconds := source.grab()) is not None:
        seen.append(pts_seconds)
        wanted = colour_image(("red", "green", "blue")[len(seen) - 1])
        assert np.abs(source.retrieve().astype(int) - wanted).max() <= 3
    source.close()
    assert seen == pytest.approx([0.0, 0.08, 0.16])
    assert source.info.size_wh == (64, 48)
    assert source.info.declared_fps == pytest.approx(12.5)
    assert source.info.declared_frames == 3


def test_a_source_is_passed_on_and_a_path_opened(write_video: WriteVideo) -> None:
    source = ImageSource([(0.0, colour_image("red"))])
    assert open_source(source) is source
    opened = open_source(str(write_video(["red"])))
    assert isinstance(opened, VideoFile)
    opened.close()


@pytest.mark.parametrize("content", [b"", b"text, and no video" * 50], ids=["empty", "text"])
@pytest.mark.parametrize("ending", ["mp4", "txt", "nfo", "asc", "ans", "diz", "ice", "srt"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"film.{ending}"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=rf"film\.{ending}.*check"):
        open_source(path)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/film\xff.avi"))
    path.write_bytes(b"content")
    with pytest.raises(UnreadableSourceError, match=r"film.\.avi: its name is not UTF-8; rename"):
        open_source(path)


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "nul\0.mp4"])
def test_a_name_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened .*check the path"):
        open_source(tmp_path / name)


def test_a_folder_one_may_not_enter_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o000)
    is_root = os.geteuid() == 0
    # Root may enter everything.
    os.seteuid(65534 if is_root else os.geteuid())
    try:
        with pytest.raises(
            UnreadableSourceError, match=r"film\.avi cannot be opened .*check the path and its permissions"
        ):
            open_source(folder / "film.avi")
    finally:
        os.seteuid(0 if is_root else os.geteuid())


@pytest.mark.parametrize("source", [0, b"film.mp4", None, object()])
def test_what_is_neither_path_nor_source_is_refused(source: object) -> None:
    with pytest.raises(SettingsError, match="give the path of a video file, or an object with"):
        open_source(source)  # type: ignore[arg-type]


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
    assert str(caught.value).startswith(f"{shown}: addresses")


def test_a_closed_file_is_closed_and_says_nothing_about_missing_frames(
    write_video: WriteVideo, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(["red"] * 60)
    source = VideoFile(path)
    source.grab()
    assert times_open(path) == 1
    source.close()
    assert times_open(path) == 0
    with caplog.at_level(logging.WARNING):
        assert source.grab() is None
    assert caplog.text == ""


def test_opening_on_many_threads_leaves_the_log_level_as_it_was(write_video: WriteVideo) -> None:
    levels = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
    path = write_video(["red"])
    before = levels.getLogLevel()
    assert before > 0
    with ThreadPoolExecutor(8) as pool:
        for source in pool.map(lambda _: VideoFile(path), range(200)):
            source.close()
    after = levels.getLogLevel()
    levels.setLogLevel(before)
    assert after == before


def test_missing_files_directories_and_addresses_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="no such file"):
        open_source(tmp_path / "missing.mp4")
    with pytest.raises(UnreadableSourceError, match="is a directory"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=r"rtsp://camera: addresses") as caught:
        open_source("rtsp://user:secret@camera/1")
    assert "secret" not in str(caught.value)


def test_a_truncated_file_plays_as_far_as_it_decodes(write_video: WriteVideo, caplog: pytest.LogCaptureFixture) -> None:
    path = write_video(["red"] * 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        times = timestamps(path)
    assert 20 < len(times) < 80
    assert f"{len(times)} of 100 declared frames" in caplog.text


def test_without_timestamps_times_follow_the_declared_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "film.h264"
    path.write_bytes(raw_h264(range(20, 220, 5)))
    source = VideoFile(path)
    # 25 where FFmpeg assumes it; a rate is always declared.
    declared = source.info.declared_fps
    source.close()
    assert declared is not None
    with caplog.at_level(logging.WARNING):
        assert timestamps(path) == pytest.approx([index / declared for index in range(40)])
    assert caplog.text.count("has no timestamps") == 1


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(DECODABLE))
def test_awkward_files_give_every_frame_and_true_times(odd_videos: Path, name: str) -> None:
    frames, last_seconds = DECODABLE[name]
    times = timestamps(odd_videos / name)
    assert len(times) == frames
    assert times[0] == 0.0
    if last_seconds is not None:
        assert times[-1] == pytest.approx(last_seconds, abs=1e-5)
    if name not in ("corrupt_bytes.ts", "resolution_change_pts_reset.ts"):
        assert times == sorted(set(times))


@pytest.mark.shared
@pytest.mark.parametrize("name", UNREADABLE)
def test_awkward_files_without_frames_are_refused(odd_videos: Path, name: str) -> None:
    with pytest.raises(UnreadableSourceError, match=name):
        open_source(odd_videos / name)


@pytest.mark.shared
def test_display_rotation_is_applied(odd_videos: Path) -> None:
    source = VideoFile(odd_videos / "rot90_displaymatrix.mp4")
    source.grab()
    assert source.info.size_wh == (270, 480)
    assert source.retrieve().shape == (480, 270, 3)
    source.close()
