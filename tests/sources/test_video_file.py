import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from framestream import SourceError, SourceNotFoundError, UnreadableSourceError
from framestream.bench.synthetic_footage import write_film
from framestream.cores import usable_cores
from framestream.sources import VideoFile, open_source
from tests.conftest import WriteVideo, colour_image, times_open
from tests.raw_h264 import raw_h264


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


def test_small_pictures_leave_a_core_to_others(tmp_path: Path) -> None:
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    write_film(small, frames=30)
    write_film(large, frames=3, size_wh=(1280, 720))
    assert VideoFile(small).threads == max(1, usable_cores() - 1)
    assert VideoFile(large).threads == VideoFile(large, threads=0).threads >= 1
    # However many there are, the frames are the same.
    one, three = VideoFile(small, threads=1), VideoFile(small, threads=3)
    assert (one.threads, three.threads) == (1, 3)
    for _ in range(31):
        pts_seconds = one.grab()
        assert three.grab() == pts_seconds
        assert pts_seconds is None or np.array_equal(one.retrieve(), three.retrieve())
    assert pts_seconds is None


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


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match=r"missing\.mp4: no such file"):
        VideoFile(tmp_path / "missing.mp4")
    with pytest.raises(UnreadableSourceError, match="is a directory"):
        VideoFile(tmp_path)
