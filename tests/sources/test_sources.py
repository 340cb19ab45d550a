"""What every `FrameSource` keeps, whatever it reads from: the same checks for all of them."""

import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from framestream import FrameSource, UnreadableSourceError
from framestream.frames import Interruptible
from framestream.sources import ImageSequence, PushedFrames, RawVideo, VideoFile
from tests.conftest import WriteVideo, colour_image
from tests.image_source import ImageSource

COLOURS = ["red", "green", "blue", "red", "green"]
FPS = 12.5
SIZE_WH = (64, 48)

OpenSource = Callable[[], FrameSource]


def images() -> list[np.ndarray]:
    return [colour_image(name) for name in COLOURS]


def open_file(folder: Path, write_video: WriteVideo) -> FrameSource:
    return VideoFile(write_video(COLOURS, fps=FPS))


def open_memory(folder: Path, write_video: WriteVideo) -> FrameSource:
    return ImageSource([(index / FPS, image) for index, image in enumerate(images())])


def write_images(folder: Path) -> None:
    for index, image in enumerate(images()):
        # 8, 9, 10: natural order matters.
        cv2.imwrite(str(folder / f"frame{index + 8}.png"), image)


def open_folder(folder: Path, write_video: WriteVideo) -> FrameSource:
    write_images(folder)
    return ImageSequence(folder, image_rate=FPS)


def open_pattern(folder: Path, write_video: WriteVideo) -> FrameSource:
    write_images(folder)
    (folder / "other.png").write_bytes((folder / "frame8.png").read_bytes())
    return ImageSequence(str(folder / "frame*.png"), image_rate=FPS)


def open_raw_memory(folder: Path, write_video: WriteVideo) -> FrameSource:
    rgb = b"".join(image[:, :, ::-1].tobytes() for image in images())
    return RawVideo(io.BytesIO(rgb), size_wh=SIZE_WH, rate=FPS, pixel_format="rgb24")


def open_raw_pipe(folder: Path, write_video: WriteVideo) -> FrameSource:
    reader, writer = os.pipe()

    def write() -> None:
        # The reader may have gone before everything was written.
        with suppress(BrokenPipeError), open(writer, "wb", buffering=0) as pipe:
            for image in images():
                # In pieces, as pipes do.
                for piece in np.array_split(image.ravel(), 3):
                    pipe.write(piece.tobytes())

    threading.Thread(target=write, daemon=True).start()
    return RawVideo(open(reader, "rb"), size_wh=SIZE_WH, rate=FPS)


def open_pushed(folder: Path, write_video: WriteVideo) -> FrameSource:
    source = PushedFrames(size_wh=SIZE_WH)
    for index, image in enumerate(images()):
        source.push(image[:, :, ::-1], pts_seconds=index / FPS, color="rgb")
    source.end()
    return source


OPENERS = {
    "file": open_file,
    "memory": open_memory,
    "folder": open_folder,
    "pattern": open_pattern,
    "raw bytes": open_raw_memory,
    "raw pipe": open_raw_pipe,
    "pushed": open_pushed,
}


@pytest.fixture(params=list(OPENERS))
def open_one(request: pytest.FixtureRequest, tmp_path: Path, write_video: WriteVideo) -> OpenSource:
    """Open a video with one frame per colour."""
    folder = tmp_path / "images"
    folder.mkdir()
    return lambda: OPENERS[request.param](folder, write_video)


@pytest.fixture
def source(open_one: OpenSource) -> FrameSource:
    return open_one()


def shows(image: np.ndarray, colour: str) -> bool:
    return bool(np.abs(image.astype(int) - colour_image(colour)).max() <= 3)


def test_it_is_a_frame_source_that_says_what_it_is(source: FrameSource) -> None:
    assert isinstance(source, FrameSource)
    assert source.info.name
    assert source.info.size_wh == SIZE_WH
    assert not source.info.live
    source.close()


def test_grab_gives_each_frames_time_and_then_none_for_good(source: FrameSource) -> None:
    times = [source.grab() for _ in COLOURS]
    assert times == pytest.approx([index / FPS for index in range(len(COLOURS))])
    assert [source.grab(), source.grab()] == [None, None]
    source.close()


def test_retrieve_gives_the_frame_grabbed_last_as_bgr_bytes(source: FrameSource) -> None:
    source.grab()
    source.grab()
    image = source.retrieve()
    assert (image.dtype, image.shape) == (np.uint8, (48, 64, 3))
    assert shows(image, COLOURS[1])
    # Frames may be left out, and asking again gives the same.
    source.grab()
    source.grab()
    assert shows(source.retrieve(), COLOURS[3])
    assert shows(source.retrieve(), COLOURS[3])
    source.close()


def test_an_image_is_not_overwritten_by_later_frames(source: FrameSource) -> None:
    images = []
    while source.grab() is not None:
        images.append(source.retrieve())
    source.close()
    assert [shows(image, colour) for image, colour in zip(images, COLOURS, strict=True)] == [True] * len(COLOURS)


@pytest.mark.parametrize("grabbed", [0, 2])
def test_a_closed_source_has_no_more_frames_and_may_be_closed_again(source: FrameSource, grabbed: int) -> None:
    for _ in range(grabbed):
        source.grab()
    source.close()
    source.close()
    assert source.grab() is None
    assert source.info.size_wh == SIZE_WH


def test_two_sources_do_not_share_their_place(open_one: OpenSource) -> None:
    first, second = open_one(), open_one()
    first.grab()
    first.grab()
    assert second.grab() == 0.0
    assert shows(second.retrieve(), COLOURS[0])
    assert shows(first.retrieve(), COLOURS[1])
    first.close()
    second.close()


def test_only_sources_that_may_wait_for_others_can_be_interrupted(source: FrameSource) -> None:
    assert isinstance(source, Interruptible) == isinstance(source, (RawVideo, PushedFrames))
    assert source.grab() == 0.0
    if isinstance(source, Interruptible):
        source.interrupt()
        assert source.grab() is None
    source.close()


@pytest.mark.parametrize("kind", ["folder", "raw bytes", "pushed"])
def test_without_a_grabbed_frame_there_is_no_image(kind: str, tmp_path: Path, write_video: WriteVideo) -> None:
    source = OPENERS[kind](tmp_path, write_video)
    for grabbed in (False, True):
        while grabbed and source.grab() is not None:
            pass
        with pytest.raises(UnreadableSourceError, match="call grab first"):
            source.retrieve()
    source.close()
