"""Cameras that the bench starts itself: what they send, and what watching them is said to cost."""

import math
import multiprocessing
import os
import subprocess
import sys
import time
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from framestream import Classifier
from framestream.bench.camera_film import CameraFilm, Codec, encode_film
from framestream.bench.camera_server import CameraServer
from framestream.bench.processor_time import child_seconds, read_ps
from framestream.bench.stream_runs import measure_streams
from framestream.errors import SourceError, UnreadableSourceError
from framestream.feeds.live.process import ReaderProcess
from framestream.feeds.live.protocol import Item, ReaderJob, Started
from framestream.frames import SourceInfo
from framestream.sampling.sampler import Sample
from tests.promptness import PATIENCE_SECONDS

CODECS: tuple[Codec, ...] = ("H.264", "Motion JPEG")


def decoded(film: CameraFilm) -> list[NDArray[np.uint8]]:
    """The film's pictures, decoded without any network."""
    decoder = av.CodecContext.create("h264" if film.codec == "H.264" else "mjpeg", "r")
    packets = [*(av.Packet(frame) for frame in film.frames), None]
    return [frame.to_ndarray(format="bgr24") for packet in packets for frame in decoder.decode(packet)]


def read_samples(url: str, count: int) -> tuple[SourceInfo, list[Sample]]:
    """What a reader process sends of a camera, every frame of it at full size."""
    job = ReaderJob(
        address=url, name="camera", open_seconds=10, read_seconds=5, frame_rate=15.0, size_wh=(640, 480), zones=()
    )
    process = ReaderProcess(job)
    info: SourceInfo | None = None
    samples: list[Sample] = []
    try:
        process.begin()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(samples) < count:
            assert time.monotonic() < deadline, "no frames come"
            message = process.read(1.0)
            if isinstance(message, Started):
                info = message.info
            if isinstance(message, Item) and isinstance(message.item, Sample):
                samples.append(message.item)
    finally:
        process.close()
    assert info is not None
    return info, samples


@pytest.mark.parametrize("codec", CODECS)
def test_a_reader_gets_every_frame_of_the_film_again_and_again(codec: Codec) -> None:
    film = encode_film(codec)
    pictures = decoded(film)
    assert len(pictures) == len(film.frames) == 30
    assert len({picture.tobytes() for picture in pictures}) == 30
    with CameraServer(codec=codec) as server:
        assert server.codec == codec
        info, samples = read_samples(server.url("any"), 45)
    assert (info.size_wh, info.live, info.declared_frames) == ((640, 480), True, None)
    assert [sample.pts_seconds for sample in samples] == pytest.approx([index / 15 for index in range(45)], abs=1e-3)
    assert not any(sample.held for sample in samples)
    for index, sample in enumerate(samples):
        # The reader hands out red first. Two pictures differ by more: each has a camera's noise.
        difference = np.abs(sample.image[..., ::-1].astype(int) - pictures[index % 30])
        assert difference.mean() < 1.0, f"frame {index}"


def test_a_film_without_a_codec_asked_for_is_the_better_one() -> None:
    assert encode_film().codec == "H.264"
    with CameraServer() as server:
        assert server.codec == "H.264"


def test_a_codec_that_cannot_be_written_is_told() -> None:
    program = """
import sys
sys.modules["av"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "av" else find(name, package)
from framestream.bench.camera_film import encode_film
from framestream.errors import UnreadableSourceError
print(encode_film().codec)
try:
    encode_film("H.264")
except UnreadableSourceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0] == "Motion JPEG"
    assert "pip install av" in done.stdout.splitlines()[1]
    assert issubclass(UnreadableSourceError, SourceError)


def test_two_cameras_for_two_seconds(classifier: Classifier) -> None:
    figures = measure_streams(classifier, cameras=2, seconds=2.0).to_dict()
    assert (figures["cameras"], figures["codec"], figures["transport"]) == (2, "H.264", "RTSP")
    assert (figures["size_wh"], figures["rate"]) == ([640, 480], 15.0)
    assert figures["seconds"] >= 2.0
    assert figures["connections_lost"] == 0
    # 10 a second of each camera, apart from what was dropped, and from what lies at the borders.
    expected = 2 * 10 * figures["seconds"]
    assert abs(figures["predictions"] + figures["frames_dropped"] - expected) <= 0.1 * expected + 4
    assert figures["predictions"] == figures["staleness"]["count"]
    assert figures["frames_read"] >= 2 * 15 * 2.0
    assert figures["frames_dropped"] == sum(figures["dropped"].values())
    assert set(figures["dropped"]) | set(figures["dropped_while_connecting"]) <= {"inbox full", "too slow"}
    check_cores(figures)


def check_cores(figures: dict[str, Any]) -> None:
    names = ("cores_used", "cores_of_readers", "cores_of_this_process", "cores_that_play_the_cameras")
    used, readers, own, player = (figures[name] for name in names)
    assert used == pytest.approx(readers + own)
    assert 0 < figures["cores_of_the_model"] <= own
    assert all(math.isfinite(value) and value > 0 for value in (readers, own, player))
    # Whoever else works here, all of them together have no more cores than there are.
    assert used + player <= (os.cpu_count() or 1) + 0.1


def test_cameras_leave_no_process_behind(classifier: Classifier) -> None:
    before = set(child_seconds() or {})
    measure_streams(classifier, cameras=1, seconds=0.2, codec="Motion JPEG")
    assert set(child_seconds() or {}) <= before


def spin(seconds: float) -> None:
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    time.sleep(60)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such list of processes")
def test_processor_time_of_children_is_known_while_they_run() -> None:
    child = multiprocessing.get_context("spawn").Process(target=spin, args=(1.1,))
    child.start()
    try:
        assert child.pid is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (child_seconds() or {}).get(child.pid, 0.0) < 1.1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = read_ps()
        assert found is not None
        parent, seconds = found[child.pid]
        assert parent == os.getpid()
        # Linux's ps counts whole seconds.
        assert 1.0 <= seconds <= (child_seconds() or {})[child.pid] + 0.01
    finally:
        child.kill()
        child.join()
