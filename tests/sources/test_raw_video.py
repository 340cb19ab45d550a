import io
import logging
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from framestream import Classifier, End, SettingsError, Start, UnreadableSourceError
from framestream.sources import PixelFormat, RawVideo, VideoFile
from tests.conftest import WriteVideo, colour_image

SIZE_WH = (4, 2)
FRAME = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def raw(content: bytes, **options: object) -> RawVideo:
    return RawVideo(io.BytesIO(content), **{"size_wh": SIZE_WH, "rate": 10, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pixel_format", "content", "expected"),
    [
        ("bgr24", FRAME.tobytes(), FRAME),
        ("rgb24", FRAME.tobytes(), FRAME[:, :, ::-1]),
        ("gray", bytes(range(8)), np.arange(8).reshape(2, 4, 1).repeat(3, axis=2)),
        # Without colour (128), 16 is black and 235 white.
        ("yuv420p", bytes([16] * 4 + [235] * 4 + [128] * 4), np.array([0, 255]).reshape(2, 1, 1).repeat(4, 1)),
    ],
)
def test_each_pixel_format_becomes_bgr(pixel_format: PixelFormat, content: bytes, expected: np.ndarray) -> None:
    source = raw(content * 2, pixel_format=pixel_format)
    assert source.grab() == 0.0
    first = source.retrieve()
    assert source.grab() == 0.1
    assert source.grab() is None
    assert (first.dtype, first.shape) == (np.uint8, (2, 4, 3))
    assert (first == expected).all()


def test_a_last_frame_that_is_not_whole_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    source = raw(FRAME.tobytes() * 2 + b"12345")
    with caplog.at_level(logging.WARNING):
        assert [source.grab() for _ in range(4)] == [0.0, 0.1, None, None]
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "standard input: the last 5 bytes are no whole frame of 24"
    ]


@pytest.mark.parametrize("content", [b"", b"12345"])
def test_a_stream_without_a_whole_frame_is_an_error(content: bytes) -> None:
    source = raw(content)
    with pytest.raises(UnreadableSourceError, match=rf"ended after {len(content)} bytes, and one frame has 24; check"):
        source.grab()
    assert source.grab() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "rate is 0"),
        ({"size_wh": (0, 2)}, "size_wh is"),
        ({"size_wh": (100_000, 100_000)}, "100000x100000 is over a gigabyte"),
        ({"pixel_format": "nv12"}, "give one of bgr24, rgb24, gray, yuv420p"),
        ({"pixel_format": "yuv420p", "size_wh": (5, 2)}, "even width and height"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        raw(b"", **options)


def test_the_stream_is_left_to_its_owner() -> None:
    stream = io.BytesIO(FRAME.tobytes())
    source = RawVideo(stream, size_wh=SIZE_WH, rate=10)
    source.close()
    assert not stream.closed


@pytest.mark.parametrize("how", ["interrupt", "close"])
def test_a_grab_that_waits_for_a_silent_pipe_can_be_ended(how: str) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as stream, open(writer, "wb", buffering=0) as pipe:
        source = RawVideo(stream, size_wh=SIZE_WH, rate=10)
        # Half a frame, and then nothing for ever.
        pipe.write(FRAME.tobytes()[:10])
        seen: list[float | None] = []
        waiting = threading.Thread(target=lambda: seen.append(source.grab()))
        waiting.start()
        time.sleep(0.05)
        getattr(source, how)()
        waiting.join(10)
        assert not waiting.is_alive()
        assert seen == [None]


def test_a_watch_of_a_silent_pipe_can_be_stopped(classifier: Classifier) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as stream, open(writer, "wb", buffering=0):
        watch = classifier.watch(RawVideo(stream, size_wh=SIZE_WH, rate=10))
        assert isinstance(next(watch), Start)
        timer = threading.Timer(0.1, watch.stop)
        timer.start()
        (end,) = watch
        timer.join()
    assert isinstance(end, End)
    assert end.interrupted


def test_a_film_through_a_pipe_gives_the_same_frames(write_video: WriteVideo, ffmpeg: str) -> None:
    path = write_video(["red", "green", "blue"] * 20, fps=25)
    command = [ffmpeg, "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        piped, film = RawVideo(process.stdout, size_wh=(64, 48), rate=25), VideoFile(path)
        frames = 0
        while (pts_seconds := piped.grab()) is not None:
            assert film.grab() == pytest.approx(pts_seconds)
            # Two versions of FFmpeg round colours differently.
            assert np.abs(film.retrieve().astype(int) - piped.retrieve()).max() <= 3
            frames += 1
        assert film.grab() is None
        film.close()
    assert frames == 60


def test_standard_input_is_read_by_another_process() -> None:
    program = (
        "from framestream.sources import SourceOptions, open_source\n"
        "source = open_source('-', options=SourceOptions(raw_size_wh=(64, 48), raw_rate=4))\n"
        "times = []\n"
        "while (seconds := source.grab()) is not None:\n"
        "    times.append((seconds, source.retrieve()[0, 0].tolist()))\n"
        "print(times)\n"
    )
    frames = [colour_image(name) for name in ("red", "green")]
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=b"".join(image.tobytes() for image in frames),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.decode() == "[(0.0, [0, 0, 255]), (0.25, [0, 255, 0])]\n"
