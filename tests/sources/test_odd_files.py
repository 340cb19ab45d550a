"""What becomes of awkward files: for each, every frame and its time, or one clear error.

The first table is about files that are not part of the repository; frames are those FFmpeg itself decodes, and the
times were read with PyAV. The second makes its files with FFmpeg, where times are known before anything is decoded.
"""

import logging
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from framestream import Gap, UnreadableSourceError
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import sample
from framestream.sources import VideoFile, open_source


@dataclass(frozen=True)
class Expected:
    """Frames, first, last and mean step of their times, and what else is true of a file."""

    frames: int
    last_seconds: float
    step_seconds: float
    size_wh: tuple[int, int] = (480, 270)
    gaps: tuple[str, ...] = ()
    # Part of what the log has to say, or nothing at all.
    warning: str | None = None


NTSC = 1001 / 30000
BASE = Expected(120, 3.970633, NTSC)
DECODABLE = {
    "audio_video.mp4": BASE,
    "base.mp4": BASE,
    # The last frame is stored with a time before the one in front of it.
    "corrupt_bytes.ts": Expected(235, 7.944133, 0.033949, (640, 360)),
    "corrupt_mdat.mp4": Expected(
        237, 7.977654, 0.033804, (640, 360), warning="2 frames could not be decoded, 237 could"
    ),
    "five_frames.mp4": Expected(5, 0.133467, NTSC),
    "flv.flv": Expected(120, 3.971, 0.033370),
    "fps_0_5.mp4": Expected(6, 10.0, 2.0),
    "fps_120.mp4": Expected(240, 1.991667, 1 / 120),
    "fragmented.mp4": BASE,
    "gray8_ffv1.mkv": Expected(60, 1.969, 0.033373),
    "hevc.mp4": Expected(60, 1.968633, NTSC),
    "interlaced_tff.mp4": Expected(100, 3.96, 0.04, (320, 240)),
    "mpeg2_sar_16_11.mpg": Expected(90, 2.969633, NTSC, (352, 288)),
    "name with spaces & ünïcode.mp4": BASE,
    "odd_dims_175x131_yuv444.mp4": Expected(90, 2.969633, NTSC, (175, 131)),
    "odd_dims_177x133_mjpeg.avi": Expected(90, 2.969633, NTSC, (177, 133)),
    "one_frame.mp4": Expected(1, 0.0, 0.0),
    "prores422_10bit.mov": Expected(60, 1.968633, NTSC),
    "pts_near_wrap.ts": BASE,
    # No timestamps at all: 25 frames a second are what FFmpeg assumes as well.
    "raw_annexb.h264": Expected(60, 2.36, 0.04, warning="has no timestamps"),
    "resolution_change_pts_reset.ts": Expected(120, 1.968633, 0.016543, gaps=("timestamp went back",)),
    "rot90_displaymatrix.mp4": Expected(120, 3.970633, NTSC, (270, 480)),
    "single_keyframe_bframes.mp4": Expected(240, 7.974633, NTSC),
    "truncated_faststart.mp4": Expected(121, 4.022346, 0.033520, (640, 360), warning="121 of 239 declared frames"),
    "vfr.mp4": Expected(185, 9.876533, 0.053677),
    "vp9.webm": Expected(60, 1.969, 0.033373),
}
UNREADABLE = {
    "audio_only.mp4": "is not a video that can be decoded",
    "empty.mp4": "is empty",
    "moov_no_tracks.mp4": "is not a video that can be decoded",
    "not_a_video.mp4": "is not a video that can be decoded",
    "truncated_no_moov.mp4": "is not a video that can be decoded",
    "zero_frames_fragmented.mp4": "no frame could be decoded",
}


def read_times(path: Path, *, size_wh: tuple[int, int]) -> list[float]:
    """The timestamps of a file; each of its frames must convert to a picture of the right form."""
    source = VideoFile(path)
    assert source.info.size_wh == size_wh
    times = []
    while (pts_seconds := source.grab()) is not None:
        times.append(pts_seconds)
        image = source.retrieve()
        assert (image.dtype, image.shape) == (np.uint8, (size_wh[1], size_wh[0], 3))
    source.close()
    return times


def gaps_of(path: Path) -> tuple[str, ...]:
    source = VideoFile(path)
    reasons = tuple(item.reason for item in sample(source, SamplingClock(10.0)) if isinstance(item, Gap))
    source.close()
    return reasons


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(DECODABLE))
def test_an_awkward_file_gives_every_frame_and_its_true_time(
    odd_videos: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = DECODABLE[name]
    with caplog.at_level(logging.WARNING):
        times = read_times(odd_videos / name, size_wh=expected.size_wh)
    assert len(times) == expected.frames
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(expected.last_seconds, abs=1e-5)
    assert (times[-1] - times[0]) / max(1, len(times) - 1) == pytest.approx(expected.step_seconds, abs=1e-5)
    # Damaged packets may repeat a time; only where it is told that it goes back, it may.
    assert expected.gaps or times == sorted(times)
    if expected.warning is None:
        assert caplog.text == ""
    else:
        assert expected.warning in caplog.text
    assert gaps_of(odd_videos / name) == expected.gaps


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_an_awkward_file_without_frames_is_one_clear_error(odd_videos: Path, name: str) -> None:
    with pytest.raises(UnreadableSourceError) as caught:
        open_source(odd_videos / name)
    assert str(caught.value).startswith(str(odd_videos / name))
    assert UNREADABLE[name] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.shared
def test_the_tables_know_every_awkward_file(odd_videos: Path) -> None:
    assert {path.name for path in odd_videos.iterdir()} == {*DECODABLE, *UNREADABLE}


Make = Callable[..., Path]
SIZE_WH = (96, 64)


@pytest.fixture
def make(ffmpeg: str, tmp_path: Path) -> Make:
    """Film FFmpeg's test picture."""

    def film(
        name: str, *options: str, rate: str = "25", seconds: float = 2, size_wh: tuple[int, int] = SIZE_WH
    ) -> Path:
        pattern = f"testsrc=size={size_wh[0]}x{size_wh[1]}:rate={rate}:duration={seconds}"
        path = tmp_path / name
        command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", pattern, *options, str(path)]
        subprocess.run(command, check=True, timeout=60)
        return path

    return film


def steady(count: int, rate: float = 25) -> list[float]:
    return [index / rate for index in range(count)]


# Ten frames at 25 a second, then ten with a pause of three frames each.
VARIABLE = [index / 25 for index in range(10)] + [(10 + 4 * index) / 25 for index in range(10)]

MADE: dict[str, tuple[Sequence[str], dict[str, object], list[float]]] = {
    "vfr.mp4": (
        ["-vf", "setpts=if(lt(N\\,10)\\,N\\,10+(N-10)*4)/25/TB", "-fps_mode", "passthrough"],
        {"seconds": 0.8},
        VARIABLE,
    ),
    "slow.mp4": ([], {"rate": "1/2", "seconds": 12}, steady(6, 0.5)),
    "fast.mp4": ([], {"rate": "120"}, steady(240, 120)),
    "odd size.avi": (["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], {"size_wh": (177, 133)}, steady(50)),
    "odd size 444.mkv": (["-c:v", "ffv1", "-pix_fmt", "yuv444p"], {"size_wh": (175, 131)}, steady(50)),
    "gray.mkv": (["-c:v", "ffv1", "-pix_fmt", "gray"], {}, steady(50)),
    "gray 16 bit.mkv": (["-c:v", "ffv1", "-pix_fmt", "gray16le"], {}, steady(50)),
    "10 bit.mov": (["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"], {}, steady(50)),
    "10 bit.mkv": (["-c:v", "ffv1", "-pix_fmt", "yuv420p10le"], {}, steady(50)),
    # Times are told from the first frame on, wherever the container's clock stands.
    "starts high.ts": (["-c:v", "mpeg2video", "-output_ts_offset", "3600"], {}, steady(50)),
    "starts high.mkv": (["-output_ts_offset", "3600"], {}, steady(50)),
    "starts high.mp4": (["-output_ts_offset", "3600"], {}, steady(50)),
    # The 33-bit clock of a transport stream is back at zero after 95443.72 seconds.
    "wraps.ts": (
        ["-c:v", "mpeg2video", "-muxdelay", "0", "-output_ts_offset", "95440"],
        {"seconds": 8},
        steady(200),
    ),
}


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_file_made_awkward_gives_every_frame_and_its_true_time(
    make: Make, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    options, source, expected = MADE[name]
    path = make(name, *options, **source)
    with caplog.at_level(logging.WARNING):
        times = read_times(path, size_wh=source.get("size_wh", SIZE_WH))  # type: ignore[arg-type]
    # Matroska keeps milliseconds.
    assert times == pytest.approx(expected, abs=1.1e-3)
    assert caplog.text == ""
    assert gaps_of(path) == ()


@pytest.mark.parametrize(
    ("offsets", "reason", "after_seconds"),
    [((10, 110), "timestamp jump", 100), ((12, 10), "timestamp went back", -2)],
    ids=["ahead", "back"],
)
def test_a_clock_that_jumps_on_the_way_is_a_gap(
    make: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    offsets: tuple[int, int],
    reason: str,
    after_seconds: float,
) -> None:
    parts = [make(f"{offset}.ts", "-c:v", "mpeg2video", "-output_ts_offset", str(offset)) for offset in offsets]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with caplog.at_level(logging.WARNING):
        times = read_times(path, size_wh=SIZE_WH)
    assert times == pytest.approx([*steady(50), *(after_seconds + seconds for seconds in steady(50))], abs=1e-3)
    assert gaps_of(path) == (reason,)
    assert caplog.text == ""


def test_after_a_change_of_size_pictures_come_in_the_first_size(make: Make, tmp_path: Path) -> None:
    small = make("small.ts", "-c:v", "mpeg2video")
    big = make("big.ts", "-c:v", "mpeg2video", "-output_ts_offset", "2", size_wh=(192, 128))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + big.read_bytes())
    last = read_last(joined)
    assert last.shape == (64, 96, 3)
    # Scaled, not cut out; what FFmpeg scales and what OpenCV scales differ a little.
    assert np.abs(last.astype(int) - fit_frame(read_last(big), size_wh=(96, 64))[:, :, ::-1]).mean() < 10
    assert gaps_of(joined) == ()


def read_last(path: Path) -> np.ndarray:
    source = VideoFile(path)
    while source.grab() is not None:
        image = source.retrieve()
    source.close()
    return image


def test_the_sample_aspect_ratio_does_not_matter_to_the_model(make: Make) -> None:
    plain = read_last(make("plain.mkv", "-c:v", "ffv1"))
    # Pixels twice as wide as high, and the same made square.
    marked = read_last(make("marked.mkv", "-c:v", "ffv1", "-vf", "setsar=2"))
    square = read_last(make("square.mkv", "-c:v", "ffv1", "-vf", "setsar=2,scale=iw*2:ih:flags=neighbor,setsar=1"))
    assert marked.shape == (64, 96, 3)
    assert square.shape == (64, 192, 3)
    inputs = [fit_frame(image, size_wh=(32, 32)) for image in (plain, marked, square)]
    assert (inputs[0] == inputs[1]).all()
    assert np.abs(inputs[0].astype(int) - inputs[2]).max() <= 2


def test_display_rotation_is_applied(make: Make) -> None:
    path = make("film.mp4", "-c:v", "mpeg4", "-q:v", "2")
    upright = read_last(path)
    content = bytearray(path.read_bytes())
    # The timeline header's matrix, 40 bytes into it: x' = -y, y' = x, shifted right by the height.
    matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE_WH[1] << 16, 0, 1 << 30]
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(content)
    source = VideoFile(path)
    assert source.info.size_wh == (64, 96)
    source.close()
    assert np.array_equal(read_last(path), np.rot90(upright, -1))


def test_a_stream_that_was_cut_off_plays_as_far_as_it_goes(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    path = make("film.ts", "-c:v", "mpeg2video", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with caplog.at_level(logging.WARNING):
        times = read_times(path, size_wh=SIZE_WH)
    assert 50 < len(times) < 100
    assert times == pytest.approx(steady(len(times)), abs=1e-3)


def test_a_cut_off_file_with_its_index_in_front_says_what_is_missing(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    path = make("film.mp4", "-c:v", "mpeg4", "-movflags", "+faststart", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with caplog.at_level(logging.WARNING):
        times = read_times(path, size_wh=SIZE_WH)
    assert 20 < len(times) < 95
    assert f"{len(times)} of 100 declared frames could be decoded" in caplog.text


def test_a_cut_off_file_without_an_index_and_one_with_sound_only_are_refused(
    make: Make, ffmpeg: str, tmp_path: Path
) -> None:
    cut = make("film.mp4", "-c:v", "mpeg4", seconds=4)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 3 // 4])
    sound = tmp_path / "sound.mp4"
    command = [ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(sound)]
    subprocess.run(command, check=True, timeout=60)
    for path in (cut, sound):
        with pytest.raises(UnreadableSourceError, match="is not a video that can be decoded"):
            open_source(path)
