"""A recording: decoding alone, inference alone, both together as ``watch`` does it, and frame by frame in stages."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.bench.footage import FirstFrames
from framestream.bench.report import Ratio, Target
from framestream.bench.timing import Seconds, Spread, Timings
from framestream.errors import UnreadableSourceError
from framestream.preprocess import fit_frame
from framestream.sampling import Sample, Sampler, SamplingClock, sample
from framestream.session import ModelSession, usable_cores
from framestream.sources import VideoFile
from framestream.stream import Stream
from framestream.watch import Watch

_CHUNK_STEPS = 16


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What was measured of a recording.

    Attributes:
        facts: name, size, rates and how much of it was read.
        stages: milliseconds by stage of a frame that the model wanted, frame by frame.
        throughput: source frames per second.
        ratios: file mode against the slower of its halves.
    """

    facts: dict[str, object]
    stages: dict[str, Timings]
    throughput: dict[str, float]
    ratios: tuple[Ratio, ...]


def measure_file(session: ModelSession, path: Path, *, frames: int, rounds: int) -> FileFigures:
    """Read at most ``frames`` frames of a file in each way, ``rounds`` times, in turns."""
    stages = _time_stages(session, path, frames)
    chunks, read = _prepare(session, path, frames)
    tasks: dict[str, Callable[[], object]] = {
        "decode": partial(_decode, session, path, frames),
        "read": partial(_prepare, session, path, frames),
        "inference": partial(_infer, session, chunks),
        "file": partial(_watch, session, path, frames),
    }
    seconds, cpu_seconds = _in_turns(tasks, rounds)
    with closing(VideoFile(path)) as video:
        info = video.info
    facts: dict[str, object] = {
        "name": info.name,
        "size_wh": list(info.size_wh),
        "declared_fps": info.declared_fps,
        "frames": read,
        "frames_sampled": sum(chunk.shape[1] for chunk in chunks),
    }
    throughput = {
        "decode_alone_frames": read / float(np.median(seconds["decode"])),
        "inference_alone_source_frames": read / float(np.median(seconds["inference"])),
        "file_mode_frames": read / float(np.median(seconds["file"])),
    }
    return FileFigures(facts, stages, throughput, _ratios(seconds, cpu_seconds))


def _in_turns(tasks: dict[str, Callable[[], object]], rounds: int) -> tuple[dict[str, Seconds], dict[str, Seconds]]:
    """Run tasks in turns; return wall time and processor time, each ``[rounds]`` by name."""
    names = list(tasks)
    wall, cpu = ({name: np.empty(rounds) for name in names} for _ in range(2))
    for name in names:
        # Once without counting: the file comes from the disk's cache afterwards.
        tasks[name]()
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began, cpu_began = time.perf_counter(), time.process_time()
            tasks[name]()
            wall[name][turn], cpu[name][turn] = time.perf_counter() - began, time.process_time() - cpu_began
    return wall, cpu


def _ratios(seconds: dict[str, Seconds], cpu_seconds: dict[str, Seconds]) -> tuple[Ratio, Ratio]:
    halves = Spread.of(np.maximum(seconds["decode"], seconds["inference"]) / seconds["file"])
    target = Target("at least", 0.85)
    reason = "" if target.holds(halves.median) else _explain(seconds, cpu_seconds)
    threads = Spread.of(np.maximum(seconds["read"], seconds["inference"]) / seconds["file"])
    return (
        Ratio(
            "file_mode_over_slower_half",
            halves,
            "speed of watch on the file / speed of the slower of decoding alone and inference alone",
            target,
            reason,
        ),
        Ratio(
            "file_mode_over_slower_thread",
            threads,
            "the same, with the scaling of pictures counted to decoding, since one thread does both",
        ),
    )


def _explain(seconds: dict[str, Seconds], cpu_seconds: dict[str, Seconds]) -> str:
    """Say why watching a file is slower than its slower half."""
    decode, read, inference = (float(np.median(seconds[name])) for name in ("decode", "read", "inference"))
    scaling = max(0.0, float(np.median(cpu_seconds["read"] - cpu_seconds["decode"])))
    all_cpu, cores = float(np.median(cpu_seconds["file"])), usable_cores()
    best = max(decode, inference) / max(all_cpu / cores, decode, inference)
    return (
        f"decoding alone takes {decode:.3f} s, decoding and scaling {read:.3f} s, inference alone {inference:.3f} s; "
        f"all of it is {all_cpu:.3f} s of processor time (scaling {scaling:.3f} s of them), so {cores} cores with "
        f"nothing else to do allow {best:.2f} at best"
    )


def _time_stages(session: ModelSession, path: Path, frames: int) -> dict[str, Timings]:
    """Take a file as a camera's pictures: each by itself, stage after stage, on one thread."""
    spec = session.spec
    clock, stream = SamplingClock(spec.frame_rate), Stream(session)
    seconds: dict[str, list[float]] = {name: [] for name in ("decode", "preprocess", "total")}
    with closing(VideoFile(path)) as video:
        for _ in range(frames):
            began = time.perf_counter()
            pts_seconds = video.grab()
            if pts_seconds is None:
                break
            step = clock.advance(pts_seconds)
            if step.tick_seconds is None:
                seconds["decode"].append(time.perf_counter() - began)
                continue
            image = video.retrieve()
            decoded = time.perf_counter()
            prepared = fit_frame(image, size_wh=spec.size_wh)
            ready = time.perf_counter()
            stream.feed(Sample(prepared, step.tick_seconds))
            done = time.perf_counter()
            seconds["decode"].append(decoded - began)
            seconds["preprocess"].append(ready - decoded)
            seconds["total"].append(done - began)
    return {name: Timings.of(values) for name, values in seconds.items()}


def _prepare(session: ModelSession, path: Path, frames: int) -> tuple[list[NDArray[np.uint8]], int]:
    """Return a file's samples, stacked in chunks ``[1, steps, height, width, 3]``, and how many frames were read."""
    spec = session.spec
    sampler = Sampler(SamplingClock(spec.frame_rate), prepare=partial(fit_frame, size_wh=spec.size_wh))
    with closing(VideoFile(path)) as video:
        items = sample(FirstFrames(video, frames), sampler)
        images = [item.image for item in items if isinstance(item, Sample)]
    if not images:
        raise UnreadableSourceError(f"{path}: it has no frame to measure with; give a longer video")
    chunks = [
        np.stack(images[first : first + _CHUNK_STEPS])[np.newaxis] for first in range(0, len(images), _CHUNK_STEPS)
    ]
    return chunks, sampler.counts.read


def _decode(session: ModelSession, path: Path, frames: int) -> None:
    with closing(VideoFile(path)) as video:
        # Only what the model wants is converted, as in a watch.
        for _ in sample(FirstFrames(video, frames), SamplingClock(session.spec.frame_rate)):
            pass


def _infer(session: ModelSession, chunks: list[NDArray[np.uint8]]) -> None:
    state = session.zero_state()
    for chunk in chunks:
        _, state = session.run(chunk, state)


def _watch(session: ModelSession, path: Path, frames: int) -> None:
    with closing(VideoFile(path)) as video, Watch(session, FirstFrames(video, frames)) as records:
        for _ in records:
            pass
