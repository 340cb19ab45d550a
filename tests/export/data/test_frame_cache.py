from __future__ import annotations

import io
import resource
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from framestream.errors import DataError, SettingsError
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, sample
from framestream.sources import open_source
from framestream_export.data import frame_cache
from framestream_export.data.decoding import decode_recordings
from framestream_export.data.recordings import Dataset, Recording, Segment, read_dataset
from framestream_export.files import write_atomically
from framestream_export.time_limit import NO_LIMIT, TimeLimit, TimeLimitError
from tests.export import toy
from tests.export.test_folder_lock import holder


def open_cache(data: Path, folder: Path, *, console: Console, background: str | None = None) -> frame_cache.FrameCache:
    dataset = read_dataset(data, background=background)
    return frame_cache.open_cache(dataset, folder, frame_rate=12.5, size_wh=(40, 32), console=console)


def test_frames_are_those_that_serving_sees(toy_clips: Path, tmp_path: Path, silent: Console) -> None:
    cache = open_cache(toy_clips, tmp_path, console=silent)
    assert len(cache.segments) == len(cache.recordings) == 18
    for segment in cache.segments[::5]:
        path = cache.recordings[segment.recording].path
        served = [
            fit_frame(item.image, size_wh=(40, 32))
            for item in sample(open_source(path), SamplingClock(12.5))
            if isinstance(item, Sample)
        ]
        assert len(served) == 25  # 50 frames at 25 per second
        np.testing.assert_array_equal(cache.frames[segment.start : segment.stop], served)


def test_frames_are_read_as_they_are_mapped(toy_clips: Path, tmp_path: Path, silent: Console) -> None:
    cache = open_cache(toy_clips, tmp_path, console=silent)
    for first, stop in ((0, 1), (5, 40), (len(cache.frames) - 3, len(cache.frames))):
        found = cache.read(first, stop)
        assert not isinstance(found, np.memmap)
        np.testing.assert_array_equal(found, cache.frames[first:stop])
    in_memory = replace(cache, frames=np.array(cache.frames))
    np.testing.assert_array_equal(in_memory.read(5, 40), cache.frames[5:40])
    with pytest.raises(DataError, match="shorter than it was"):
        cache.read(len(cache.frames) - 3, len(cache.frames) + 1)


def test_labels_and_fingerprint_follow_the_manifest_without_decoding(
    toy_clips: Path, tmp_path: Path, silent: Console
) -> None:
    clips = sorted(path.relative_to(toy_clips).as_posix() for path in toy_clips.rglob("*.mp4"))
    manifest = tmp_path / "data" / "manifest.csv"
    manifest.parent.mkdir()
    (manifest.parent / "clips").symlink_to(toy_clips, target_is_directory=True)
    rows = [(f"clips/{clip}", clip.split("/")[0], 0.4, 1.2) for clip in clips]
    toy.write_csv(manifest, "path,label,start,end", rows)
    first = open_cache(manifest, tmp_path / "cache", console=silent)
    np.testing.assert_array_equal(np.flatnonzero(first.labels[:25] >= 0), np.arange(5, 15))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    toy.write_csv(manifest, "path,label,start,end", [(*row[:2], 0.8, 1.2) for row in rows])
    second = open_cache(manifest, tmp_path / "cache", console=silent)
    np.testing.assert_array_equal(np.flatnonzero(second.labels[:25] >= 0), np.arange(10, 15))
    assert first.fingerprint != second.fingerprint
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_bad_recordings_are_named_and_left_out(tmp_path: Path) -> None:
    data = toy.write_class_folders(tmp_path / "data", per_class=2, frames=10)
    (data / "idle" / "[broken].mp4").write_bytes(b"not a video" * 100)
    (data / "across" / "empty.mp4").touch()
    console = Console(file=io.StringIO(), width=60)
    cache = open_cache(data, tmp_path / "cache", console=console)
    text = console.file.getvalue()
    assert "skipped idle/[broken].mp4: " in text
    assert "skipped across/empty.mp4: " in text
    assert "skipped 2 of 8 recordings" in text
    assert [skipped.name for skipped in cache.skipped] == ["across/empty.mp4", "idle/[broken].mp4"]
    assert len(cache.recordings) == 6
    assert cache.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10


def test_files_that_cannot_be_opened_are_named_and_left_out(tmp_path: Path) -> None:
    data = toy.write_class_folders(tmp_path / "data", per_class=2, frames=10)
    (data / "idle" / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    (data / "idle" / "broken-too.mp4").symlink_to(tmp_path / "gone.mp4")
    (data / "idle" / "circle.mp4").symlink_to(data / "idle" / "circle.mp4")
    dataset = read_dataset(data)
    (data / "across" / "001.mp4").unlink()
    console = Console(file=io.StringIO(), width=60)
    cache = frame_cache.open_cache(dataset, tmp_path / "cache", frame_rate=12.5, size_wh=(40, 32), console=console)
    names = ["across/001.mp4", "idle/broken-too.mp4", "idle/broken.mp4", "idle/circle.mp4"]
    assert [skipped.name for skipped in cache.skipped] == names
    assert all(f"skipped {name}: " in console.file.getvalue() for name in names)
    assert len(cache.recordings) == 5


def test_full_disk_is_one_line(toy_clips: Path, tmp_path: Path, silent: Console) -> None:
    """A limit on the size of files stands in for the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(SettingsError, match=r"cannot be written .*; make room, or give another place") as caught:
            open_cache(toy_clips, tmp_path / "cache", console=silent)
        with pytest.raises(SettingsError, match=r"big\.bin cannot be written"):
            write_atomically(tmp_path / "big.bin", lambda stream: stream.write(bytes(60_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(tmp_path / "cache") in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []
    assert len(open_cache(toy_clips, tmp_path / "cache", console=silent).recordings) == 18


class _MeanwhileAnotherRun(list[Recording]):
    """Recordings that a second run begins and finishes decoding into the same place while the first is at them."""

    def __init__(self, recordings: Sequence[Recording], home: Path, console: Console) -> None:
        super().__init__(recordings)
        self._other = lambda: decode_recordings(list(self), home, frame_rate=12.5, size_wh=(40, 32), console=console)
        self.calls = 0

    def __iter__(self) -> Iterator[Recording]:
        for number in range(len(self)):
            if number == 6 and not self.calls:
                self.calls += 1
                self._other()
            yield self[number]


def test_two_runs_with_one_cache_do_not_harm_each_other(toy_clips: Path, tmp_path: Path, silent: Console) -> None:
    dataset = read_dataset(toy_clips)
    open_cache(toy_clips, tmp_path / "expected", console=silent)
    (expected,) = (tmp_path / "expected").iterdir()
    home = tmp_path / "cache" / expected.name
    recordings = _MeanwhileAnotherRun(dataset.recordings, home, silent)
    decode_recordings(recordings, home, frame_rate=12.5, size_wh=(40, 32), console=silent)
    assert recordings.calls == 1
    assert list((tmp_path / "cache").iterdir()) == [home]
    assert sorted(path.name for path in home.iterdir()) == sorted(path.name for path in expected.iterdir())
    for path in expected.iterdir():
        assert (home / path.name).read_bytes() == path.read_bytes()


def test_recordings_of_one_name_and_content(toy_clips: Path, tmp_path: Path, silent: Console) -> None:
    """Nothing but their labels tells them apart, and the fingerprint depends on no order."""
    clip = (toy_clips / "idle" / "000.mp4").read_bytes()
    twins = []
    for label in ("x", "y"):
        path = tmp_path / label / "clip.mp4"
        path.parent.mkdir()
        path.write_bytes(clip)
        twins.append(Recording(path, "clip.mp4", (Segment(0.0, 9.0, label),), label))
    caches = [
        frame_cache.open_cache(
            Dataset(tmp_path, tuple(order), ("x", "y"), None),
            tmp_path / "cache",
            frame_rate=12.5,
            size_wh=(40, 32),
            console=silent,
        )
        for order in (twins, twins[::-1])
    ]
    assert caches[0].fingerprint == caches[1].fingerprint


def test_segment_beyond_the_end_and_nothing_left(tmp_path: Path, silent: Console) -> None:
    for name in ("a", "b"):
        toy.write_video(tmp_path / f"{name}.mp4", toy.draw("idle", 1, frames=10))
    rows: list[tuple[object, ...]] = [("a.mp4", "x", 0, 1), ("b.mp4", "y", 50, 60)]
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label,start,end", rows)
    cache = open_cache(manifest, tmp_path / "cache", console=silent)
    assert [(skipped.name, skipped.reason) for skipped in cache.skipped] == [
        ("b.mp4", "no frame lies inside its labelled times")
    ]
    (tmp_path / "a.mp4").write_bytes(b"gone bad")
    with pytest.raises(DataError, match="none of the 2 recordings gave a labelled frame"):
        open_cache(manifest, tmp_path / "cache", console=silent)


def test_gap_in_time_divides_a_recording(tmp_path: Path, silent: Console) -> None:
    """Eight seconds between two frames are a gap: serving starts anew there, so training must not look across."""
    toy.write_video(tmp_path / "slow.mp4", toy.draw("across", 1, frames=3), fps=0.125)
    toy.write_video(tmp_path / "plain.mp4", toy.draw("idle", 1, frames=10))
    rows: list[tuple[object, ...]] = [("slow.mp4", "x"), ("plain.mp4", "y")]
    cache = open_cache(toy.write_csv(tmp_path / "manifest.csv", "path,label", rows), tmp_path / "c", console=silent)
    assert [segment.recording for segment in cache.segments] == [0, 0, 0, 1]


def test_what_was_decoded_when_the_time_was_up_is_not_decoded_again(toy_clips: Path, tmp_path: Path) -> None:
    dataset, said = read_dataset(toy_clips), io.StringIO()

    def go_on(folder: Path, limit: TimeLimit = NO_LIMIT) -> frame_cache.FrameCache:
        console = Console(file=said, width=200)
        return frame_cache.open_cache(
            dataset, folder, frame_rate=12.5, size_wh=(40, 32), time_limit=limit, console=console
        )

    whole = go_on(tmp_path / "whole")
    for moment in (4, 9):
        ticks = iter(range(1000))
        limit = TimeLimit(1.0, lambda: 61.0 if next(ticks) > moment else 0.0, begun_seconds=0.0)  # noqa: B023
        with pytest.raises(TimeLimitError, match=r"of 18 clips are read, and kept in .*broken"):
            go_on(tmp_path / "broken", limit)
        (part,) = (tmp_path / "broken").iterdir()
        with (part / "frames.u8").open("ab") as frames:  # as a process leaves it that is killed meanwhile
            frames.write(b"half a frame")
        (part / "7.part").write_bytes(b"half a clip")
        (part / "index.jsonl").open("ab").write(b'{"name": "ha')
    broken = go_on(tmp_path / "broken")
    assert "of 18 clips are read already" in said.getvalue()
    (home,) = (tmp_path / "broken").iterdir()
    assert sorted(path.name for path in home.iterdir()) == ["frames.u8", "index.json", "pts.npy"]
    assert broken.fingerprint == whole.fingerprint
    np.testing.assert_array_equal(broken.frames, whole.frames)
    np.testing.assert_array_equal(broken.pts_seconds, whole.pts_seconds)


def test_whoever_waits_for_a_cache_finds_it_filled(
    toy_clips: Path, tmp_path: Path, silent: Console, caplog: pytest.LogCaptureFixture
) -> None:
    open_cache(toy_clips, tmp_path / "filled", console=silent)
    (filled,) = (tmp_path / "filled").iterdir()
    home = tmp_path / "cache" / filled.name
    with holder(home.parent) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(open_cache, toy_clips, home.parent, console=silent)
        while not caplog.messages:
            time.sleep(0.05)
        shutil.copytree(filled, home)
        by_the_other = home.stat().st_ino
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert len(waiting.result().recordings) == 18
    assert home.stat().st_ino == by_the_other
    assert list(home.parent.iterdir()) == [home]
