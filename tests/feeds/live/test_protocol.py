"""Messages survive a pipe that cuts them anywhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.errors import SourceError
from framestream.feeds.live.protocol import (
    Decoder,
    Finished,
    Heartbeat,
    Item,
    Message,
    Progress,
    ProtocolError,
    Ready,
    Started,
    encode,
)
from framestream.frames import SourceInfo
from framestream.records import Gap
from framestream.sampling.sampler import Sample, SamplingCounts

IMAGE = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
PROGRESS = Progress(SamplingCounts(read=7, sampled=2, held=1, skipped=5), 1 / 3, 0.4, 1234.5)
MESSAGES: list[Message] = [
    Ready(),
    Started(SourceInfo(name="rtsp://camera", size_wh=(3, 4), declared_fps=29.97, live=True)),
    Item(Sample(IMAGE, 1 / 3), PROGRESS),
    Item(Sample(IMAGE, 2 / 3, held=True), PROGRESS),
    Item(Gap(pts_seconds=1 / 7, reason="timestamp jump", resume_seconds=9.0), PROGRESS),
    Heartbeat(PROGRESS),
    Finished("behind", progress=PROGRESS),
    Finished("failed", "it did"),
]


def shown(message: Message) -> str:
    """A message as text, image and all."""
    return repr(message)


@given(st.lists(st.integers(min_value=0, max_value=3000)))
def test_any_cut_gives_the_same_messages(cuts: list[int]) -> None:
    whole = b"".join(encode(message) for message in MESSAGES)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    decoder = Decoder()
    received = [message for start, end in pairwise(edges) for message in decoder.feed(whole[start:end])]
    assert [shown(message) for message in received] == [shown(message) for message in MESSAGES]


def test_a_held_sample_is_the_image_before_and_is_not_sent_again() -> None:
    fresh, held = MESSAGES[2], MESSAGES[3]
    assert len(encode(fresh)) - len(encode(held)) > IMAGE.nbytes - 10
    first, second = Decoder().feed(encode(fresh) + encode(held))
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert isinstance(first.item, Sample)
    assert isinstance(second.item, Sample)
    assert second.item.image is first.item.image


@pytest.mark.parametrize(
    "noise",
    [
        b"some library says hello\n" * 3,
        encode(Ready())[:12] + b"x" * 100,
        encode(Ready()).replace(b"Ready", b"Reada"),
        encode(MESSAGES[3]),
        b"FSR1" + b"\xff" * 8,
    ],
    ids=["text", "no description", "unknown", "held without an image", "endless"],
)
def test_what_is_no_message_is_an_error(noise: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        list(Decoder().feed(noise))
    assert isinstance(caught.value, SourceError)
