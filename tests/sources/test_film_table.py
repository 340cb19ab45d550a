"""Frames and times of ordinary films, whole and damaged: what ffprobe says of them, with either decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from framestream import UnreadableSourceError
from framestream.sampling.clock import SamplingClock
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream.sources import VideoFile
from tests.sources.films import (
    B_FRAMES,
    MPEG2,
    MPEG4,
    NO_B_FRAMES,
    VP9,
    X264,
    X265,
    Film,
    cut_off,
    damaged,
    ffprobe_times,
    needs_av,
    read_times,
)

NTSC = "30000/1001"
# The model's clock ticks ten times a second.
TICK_SECONDS = 0.1

FILMS = [
    *[Film(f"h264.{ending}", [*X264, *NO_B_FRAMES]) for ending in ("mp4", "mov", "mkv", "avi", "ts", "mpg", "flv")],
    *[Film(f"h264 b.{ending}", [*X264, *B_FRAMES]) for ending in ("mp4", "mov", "mkv", "avi", "ts", "mpg", "flv")],
    *[Film(f"mpeg4 b.{ending}", [*MPEG4, *B_FRAMES], rate=NTSC) for ending in ("mp4", "mkv", "avi")],
    Film("xvid.avi", [*MPEG4, *B_FRAMES, "-vtag", "xvid"]),
    Film("mpeg4.avi", [*MPEG4, *NO_B_FRAMES], rate="15"),
    *[Film(f"mpeg2 b.{ending}", [*MPEG2, *B_FRAMES], rate=NTSC) for ending in ("mpg", "vob", "ts", "mkv", "avi")],
    Film("mpeg1.mpg", ["-c:v", "mpeg1video", *B_FRAMES]),
    *[Film(f"hevc.{ending}", X265, rate="20") for ending in ("mp4", "mkv", "ts", "mpg")],
    Film("vp9.webm", VP9, rate="30"),
    Film("vp8.webm", ["-c:v", "libvpx", "-deadline", "realtime", "-pix_fmt", "yuv420p"], rate="12.5"),
    Film("jpeg.avi", ["-c:v", "mjpeg"], rate="10"),
    Film("50.mp4", [*X264, *B_FRAMES], rate="50"),
    Film("60.mkv", [*X264, *B_FRAMES], rate="60"),
    Film("7.mp4", [*X264, *B_FRAMES], rate="7"),
    Film("damaged.mp4", [*X264, *B_FRAMES], change=damaged()),
    Film("damaged.mkv", [*X264, *NO_B_FRAMES], change=damaged()),
    Film("damaged.ts", [*X264, *B_FRAMES], change=damaged()),
    Film("damaged mpeg4.avi", [*MPEG4, *B_FRAMES], change=damaged()),
    Film("damaged mpeg2.mpg", [*MPEG2, *B_FRAMES], change=damaged()),
    Film("damaged hevc.mp4", X265, change=damaged(), av_only=True),
    Film("damaged jpeg.avi", ["-c:v", "mjpeg"], change=damaged()),
    Film("cut off.mkv", [*X264, *B_FRAMES], change=cut_off()),
    Film("cut off.ts", [*X264, *B_FRAMES], change=cut_off()),
    Film("cut off.mpg", [*MPEG2, *B_FRAMES], change=cut_off()),
    Film("cut off.avi", [*MPEG4, *B_FRAMES], change=cut_off()),
]
FILMS_FOR_BOTH = [film for film in FILMS if not film.av_only]
FILMS_AND_DECODERS = [
    *[pytest.param(film, "opencv", id=f"{film.name}-opencv") for film in FILMS_FOR_BOTH],
    *[pytest.param(film, "av", id=f"{film.name}-av", marks=needs_av) for film in FILMS],
]


@pytest.mark.parametrize(("film", "decoder"), FILMS_AND_DECODERS)
def test_frames_and_times_are_those_of_ffprobe(film: Film, decoder: str, tmp_path: Path) -> None:
    path = film.make(tmp_path)
    expected, start_seconds = ffprobe_times(path)
    times = read_times(path, decoder=decoder)
    assert len(times) == pytest.approx(len(expected), rel=0.01)
    assert times == sorted(times)
    # In AVI, whose timestamps are those of decoding, ffprobe shows the first frame too late.
    assert times[0] == pytest.approx(0.0, abs=1e-3)
    known = [(mine, theirs) for mine, theirs in zip(times, expected, strict=False) if theirs is not None]
    assert len(known) > 5
    assert max(abs(mine - (theirs - start_seconds)) for mine, theirs in known) < TICK_SECONDS
    if film.change is None:
        assert times[-1] == pytest.approx((len(times) - 1) / film_rate(film), abs=TICK_SECONDS)


def film_rate(film: Film) -> float:
    numerator, _, denominator = film.rate.partition("/")
    return float(numerator) / float(denominator or 1)


@needs_av
@pytest.mark.parametrize("film", FILMS_FOR_BOTH, ids=lambda film: film.name)
def test_both_decoders_give_the_same_times_and_the_same_bytes(film: Film, tmp_path: Path) -> None:
    path = film.make(tmp_path)
    one, other = VideoFile(path, decoder="opencv", threads=1), VideoFile(path, decoder="av", threads=1)
    assert one.info.size_wh == other.info.size_wh == (96, 64)
    assert one.info.declared_fps == pytest.approx(other.info.declared_fps)
    while (pts_seconds := one.grab()) is not None:
        # FFmpeg's own guess at a time that is missing may differ by a frame behind damage.
        tolerance = 1.1 / film_rate(film) if film.change else 1e-6
        assert other.grab() == pytest.approx(pts_seconds, abs=tolerance)
        # What a decoder paints over damage is whatever lay in its memory.
        assert film.change is not None or np.array_equal(one.retrieve(), other.retrieve())
    assert other.grab() is None
    one.close()
    other.close()


@needs_av
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["h264 b.mp4", "h264 b.ts", "h264 b.avi", "hevc.mkv", "vp9.webm", "50.mp4", "60.mkv"])
def test_samples_are_the_same_when_nobody_looks_at_the_frames_between(name: str, threads: int, tmp_path: Path) -> None:
    path = next(film for film in FILMS if film.name == name).make(tmp_path)
    taken = []
    for decoder in ("opencv", "av"):
        source = VideoFile(path, decoder=decoder, threads=threads)  # type: ignore[arg-type]
        sampler = Sampler(SamplingClock(5.0))
        samples = [item for item in sample(source, sampler) if isinstance(item, Sample)]
        taken.append(([one.pts_seconds for one in samples], [one.image.tobytes() for one in samples], sampler.counts))
        source.close()
    (times, pictures, counts), other = taken
    assert other[0] == pytest.approx(times)
    assert other[1] == pictures
    assert other[2] == counts


@needs_av
def test_a_frame_that_was_left_out_cannot_be_had(tmp_path: Path) -> None:
    path = next(film for film in FILMS if film.name == "h264 b.mp4").make(tmp_path)
    source = VideoFile(path, decoder="av", threads=1)
    source.grab()
    source.skip_until(10.0)
    grabbed = failed = 1
    while source.grab() is not None:
        grabbed += 1
        try:
            source.retrieve()
        except UnreadableSourceError:
            failed += 1
    source.close()
    assert grabbed == 75
    assert 20 < failed < 50
