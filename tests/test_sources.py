"""What every ``FrameSource`` keeps, whatever it reads from: the same checks for a file and for a source in memory."""

from collections.abc import Callable

import numpy as np
import pytest

from framestream import FrameSource
from framestream.capture import VideoFile
from tests.conftest import WriteVideo, colour_image
from tests.image_source import ImageSource

COLOURS = ["red", "green", "blue", "red", "green"]
FPS = 12.5

OpenSource = Callable[[], FrameSource]


@pytest.fixture(params=["file", "memory"])
def open_one(request: pytest.FixtureRequest, write_video: WriteVideo) -> OpenSource:
    """Open a video with one frame per colour."""
    if request.param == "file":
        path = write_video(COLOURS, fps=FPS)
        return lambda: VideoFile(path)
    return lambda: ImageSource([(index / FPS, colour_image(name)) for index, name in enumerate(COLOURS)])


@pytest.fixture
def source(open_one: OpenSource) -> FrameSource:
    return open_one()


def shows(image: np.ndarray, colour: str) -> bool:
    return bool(np.abs(image.astype(int) - colour_image(colour)).max() <= 3)


def test_it_is_a_frame_source_that_says_what_it_is(source: FrameSource) -> None:
    assert isinstance(source, FrameSource)
    assert source.info.name
    assert source.info.size_wh == (64, 48)
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
    assert source.info.size_wh == (64, 48)


def test_two_sources_do_not_share_their_place(open_one: OpenSource) -> None:
    first, second = open_one(), open_one()
    first.grab()
    first.grab()
    assert second.grab() == 0.0
    assert shows(second.retrieve(), COLOURS[0])
    assert shows(first.retrieve(), COLOURS[1])
    first.close()
    second.close()
