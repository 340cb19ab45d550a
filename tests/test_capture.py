import logging
from pathlib import Path

import numpy as np
import pytest

from framestream import SourceError, SourceNotFoundError, UnreadableSourceError
from framestream.capture import VideoFile, open_source
from tests.conftest import WriteVideo, colour_image
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
    assert not source.info.live


def test_a_source_is_passed_on_and_a_path_opened(write_video: WriteVideo) -> None:
    source = ImageSource([(0.0, colour_image("red"))])
    assert open_source(source) is source
    opened = open_source(str(write_video(["red"])))
    assert isinstance(opened, VideoFile)
    opened.close()


@pytest.mark.parametrize("content", [b"", b"text, and no video" * 50], ids=["empty", "text"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=r"film\.mp4.*check"):
        open_source(path)


def test_missing_files_directories_and_addresses_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match="no such file"):
        open_source(tmp_path / "missing.mp4")
    with pytest.raises(UnreadableSourceError, match="is a directory"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=r"rtsp://\*\*\*@camera/1") as caught:
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
