"""Films from the field that were read wrongly: each kind, made by script, with what is right."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from framestream import Gap, SettingsError, UnreadableSourceError
from framestream.sampling.clock import SamplingClock
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream.sources import VideoFile
from framestream.sources.orientation import Orientation, read_matrix
from tests.image_source import ImageSource
from tests.sources.films import (
    B_FRAMES,
    DECODERS,
    HAS_AV,
    MPEG4,
    NO_B_FRAMES,
    X264,
    X265,
    Film,
    damaged,
    needs_av,
    read_times,
    run_ffmpeg,
)

both_decoders = pytest.mark.parametrize("decoder", DECODERS)


def steady(count: int, rate: float = 25, start_seconds: float = 0.0) -> list[float]:
    return [start_seconds + index / rate for index in range(count)]


def items_of(path: Path, decoder: str) -> tuple[list[Sample | Gap], Sampler]:
    source = VideoFile(path, decoder=decoder)  # type: ignore[arg-type]
    sampler = Sampler(SamplingClock(10.0), continuous=True)
    items = list(sample(source, sampler))
    source.close()
    return items, sampler


def spoil_jpegs(content: bytes, indices: range) -> bytes:
    """Overwrite pictures of a Motion JPEG in AVI, so that they do not decode."""
    changed, begin = bytearray(content), content.index(b"movi")
    chunks = [match.start() for match in re.finditer(b"00dc", content) if match.start() > begin]
    for at in (chunks[index] for index in indices):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        changed[at + 10 : at + 8 + size] = bytes(size - 2)
    return bytes(changed)


@both_decoders
def test_what_does_not_decode_is_a_hole_and_not_the_end(
    decoder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = Film("film.avi", ["-c:v", "mjpeg"], rate="20", change=lambda content: spoil_jpegs(content, range(20, 40)))
    with caplog.at_level(logging.WARNING):
        items, sampler = items_of(film.make(tmp_path), decoder)
    assert (sampler.counts.read, sampler.counts.undecodable) == (40, 20)
    gap = next(item for item in items if isinstance(item, Gap))
    assert gap.reason == "frames could not be decoded"
    assert gap.frames_lost == 20
    assert (gap.pts_seconds, gap.resume_seconds) == pytest.approx((1.0, 2.0))
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'film.avi'}: 20 frames could not be decoded, 40 could"
    ]


@both_decoders
def test_a_single_lost_frame_is_no_gap(decoder: str, tmp_path: Path) -> None:
    film = Film("film.avi", ["-c:v", "mjpeg"], rate="20", change=lambda content: spoil_jpegs(content, range(20, 21)))
    items, sampler = items_of(film.make(tmp_path), decoder)
    assert sampler.counts.undecodable == 1
    assert not [item for item in items if isinstance(item, Gap)]


@both_decoders
def test_damage_in_the_middle_leaves_the_rest(decoder: str, tmp_path: Path) -> None:
    film = Film(
        "film.mp4", [*X264, *NO_B_FRAMES, "-movflags", "+faststart"], rate="20", seconds=10, change=damaged(0.4, 4000)
    )
    times = read_times(film.make(tmp_path), decoder=decoder)
    assert times[-1] == pytest.approx(9.95)
    assert 180 < len(times) < 200


@both_decoders
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.avi", [*X264, *B_FRAMES]),
        ("xvid.avi", [*MPEG4, *B_FRAMES, "-vtag", "xvid"]),
        ("h264.mpg", [*X264, *B_FRAMES]),
        ("hevc.mpg", [*X265, "-bf", "0"]),
    ],
)
def test_missing_timestamps_make_no_gap(
    name: str, options: Sequence[str], decoder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Film(name, options).make(tmp_path)
    with caplog.at_level(logging.WARNING):
        items, sampler = items_of(path, decoder)
    assert caplog.text == ""
    assert sampler.counts.read == 75
    assert sampler.clock.end_seconds == pytest.approx(3.0, abs=0.1)
    # One sample a tick, and nothing else.
    assert [item.pts_seconds for item in items if isinstance(item, Sample)] == pytest.approx(
        [index / 10 for index in range(len(items))]
    )


@both_decoders
def test_times_before_zero_count_from_the_first_frame(
    decoder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = Film("base.mp4", [*X264, *B_FRAMES], seconds=4).make(tmp_path)
    path = tmp_path / "negative.mkv"
    run_ffmpeg("-i", str(base), "-c", "copy", "-output_ts_offset", "-1", "-avoid_negative_ts", "disabled", str(path))
    with caplog.at_level(logging.WARNING):
        assert read_times(path, decoder=decoder) == pytest.approx(steady(100), abs=0.05)
    assert caplog.text == ""


def late_picture(folder: Path, ending: str) -> Path:
    base = Film("base.mkv", [*X264, *NO_B_FRAMES]).make(folder)
    path = folder / f"late.{ending}"
    sound = ["-f", "lavfi", "-i", "sine=d=6", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac"]
    run_ffmpeg("-itsoffset", "2", "-i", str(base), *sound, str(path))
    return path


@both_decoders
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_a_picture_behind_the_sound_is_late(decoder: str, ending: str, tmp_path: Path) -> None:
    path = late_picture(tmp_path, ending)
    assert read_times(path, decoder=decoder) == pytest.approx(steady(75, start_seconds=2.0), abs=0.03)


@needs_av
@pytest.mark.parametrize("ending", ["mkv", "ts", "flv"])
def test_pyav_knows_of_sound_in_any_container(ending: str, tmp_path: Path) -> None:
    path = late_picture(tmp_path, ending)
    assert read_times(path, decoder="av") == pytest.approx(steady(75, start_seconds=2.0), abs=0.05)


def with_cover(folder: Path, *options: str) -> Path:
    base = Film("base.mp4", [*X264, *NO_B_FRAMES]).make(folder)
    cover, path = folder / "cover.png", folder / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "color=red:size=320x320", "-frames:v", "1", str(cover))
    streams = ["-map", "1", "-map", "0", "-c:v:0", "mjpeg", "-c:v:1", "copy"]
    run_ffmpeg("-i", str(base), "-i", str(cover), *streams, *options, str(path))
    return path


@needs_av
@pytest.mark.parametrize(
    "options",
    [["-disposition:v:0", "attached_pic"], ["-disposition:v:0", "default", "-disposition:v:1", "default"]],
    ids=["cover", "both default"],
)
def test_the_film_is_told_from_its_cover(options: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = with_cover(tmp_path, *options)
    with caplog.at_level(logging.WARNING):
        assert len(read_times(path)) == 75
    assert "has 2 video streams; number 1 (96x64) is watched" in caplog.text
    assert len(read_times(path, video_stream=0)) == 1
    with pytest.raises(SettingsError, match="there is no video stream 2; give 0 to 1"):
        VideoFile(path, video_stream=2)


def test_opencv_says_that_it_cannot_choose_a_stream(tmp_path: Path) -> None:
    path = Film("film.mp4", X264).make(tmp_path)
    with pytest.raises(SettingsError, match="OpenCV reads the first"):
        VideoFile(path, decoder="opencv", video_stream=1)


@both_decoders
def test_what_an_edit_list_hides_is_not_missing(decoder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = Film("whole.mp4", [*X264, "-g", "250", *NO_B_FRAMES], seconds=8).make(tmp_path)
    path = tmp_path / "cut.mp4"
    run_ffmpeg("-ss", "3.2", "-i", str(whole), "-t", "4", "-c", "copy", str(path))
    with caplog.at_level(logging.WARNING):
        assert read_times(path, decoder=decoder) == pytest.approx(steady(100), abs=1e-3)
    assert caplog.text == ""


# a, b, c, d of the timeline header's matrix, and what a player shows of a picture.
MATRICES = {
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down and mirrored": ((1, 0, 0, -1), lambda image: image[::-1]),
    "turned": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "turned and mirrored": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "half a turn": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
}


@both_decoders
@pytest.mark.parametrize("name", MATRICES)
def test_pictures_are_shown_as_the_display_matrix_says(name: str, decoder: str, tmp_path: Path) -> None:
    path = Film("film.mp4", MPEG4).make(tmp_path)
    stored = first_image(path, decoder)
    (a, b, c, d), shown = MATRICES[name]
    content = bytearray(path.read_bytes())
    matrix = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)
    expected = shown(stored)
    source = VideoFile(path, decoder=decoder)  # type: ignore[arg-type]
    assert source.info.size_wh == (expected.shape[1], expected.shape[0])
    source.close()
    assert np.array_equal(first_image(path, decoder), expected)


def test_a_matrix_without_meaning_changes_nothing() -> None:
    assert read_matrix([0] * 9) == Orientation()


def first_image(path: Path, decoder: str) -> np.ndarray:
    source = VideoFile(path, decoder=decoder)  # type: ignore[arg-type]
    source.grab()
    image = source.retrieve()
    source.close()
    return image


@needs_av
def test_interlaced_films_have_a_picture(tmp_path: Path) -> None:
    # OpenCV 4.14 and 5.0 give whatever lay in memory for these.
    options = ["-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-q:v", "2"]
    interlaced = first_image(Film("fields.mpg", options).make(tmp_path), "av")
    plain = first_image(Film("plain.mpg", ["-c:v", "mpeg2video", "-q:v", "2"]).make(tmp_path), "av")
    assert np.abs(interlaced.astype(int) - plain).mean() < 5


@both_decoders
@pytest.mark.parametrize("size", ["96x64", "1280x720"])
def test_a_pipe_is_read_once_whatever_the_pictures_size(size: str, decoder: str, tmp_path: Path) -> None:
    film = tmp_path / "film.ts"
    run_ffmpeg("-f", "lavfi", "-i", f"testsrc=size={size}:rate=25:duration=1", *X264, *NO_B_FRAMES, str(film))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        # The reader may have left before the end.
        with suppress(BrokenPipeError), pipe.open("wb") as stream:
            stream.write(film.read_bytes())

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert read_times(pipe, decoder=decoder) == pytest.approx(steady(25), abs=1e-3)
    writer.join(10)
    assert not writer.is_alive()


def test_av1_is_read_or_the_error_says_what_reads_it(tmp_path: Path) -> None:
    path = Film("film.mp4", ["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"]).make(tmp_path)
    if HAS_AV:
        assert read_times(path, decoder="av") == pytest.approx(steady(75))
    if opencv_reads(path):
        assert read_times(path, decoder="opencv") == pytest.approx(steady(75))
    else:
        with pytest.raises(UnreadableSourceError, match=r"AV1; .*pip install av, or .*headless>=4\.14,<5"):
            read_times(path, decoder="opencv")


def opencv_reads(path: Path) -> bool:
    return bool(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).grab())


def test_a_decoder_that_is_not_known_or_not_there_is_refused(tmp_path: Path) -> None:
    path = Film("film.mp4", X264).make(tmp_path)
    with pytest.raises(SettingsError, match="decoder is 'vlc'; give one of auto, opencv, av"):
        VideoFile(path, decoder="vlc")  # type: ignore[arg-type]
    if not HAS_AV:
        with pytest.raises(SettingsError, match="PyAV is not installed; run: pip install av"):
            VideoFile(path, decoder="av")


def test_media_time_never_runs_backwards() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    times = [*steady(20, 10, 500.0), *steady(20, 10), *steady(20, 10, 100.0)]

    def walk(**options: bool) -> list[tuple[str, float]]:
        sampler = Sampler(SamplingClock(10.0), continuous=True, **options)
        items = sample(ImageSource([(pts, image) for pts in times]), sampler)
        return [(item.reason, round(item.resume_seconds, 3)) for item in items if isinstance(item, Gap)]

    assert walk() == [("timestamp went back", 502.0), ("timestamp jump", 602.0)]
    assert walk(joins_jumps=True) == [("timestamp went back", 502.0), ("timestamp jump", 504.0)]


def test_ffprobe_is_here_where_ffmpeg_is(ffmpeg: str) -> None:
    assert subprocess.run(["ffprobe", "-version"], capture_output=True, check=False).returncode == 0
