"""A recording: decoding alone, inference alone, both together as `watch` does it, and frame by frame in stages.

Alone, decoding and inference have the threads that they have together; both alone and together, decoding includes that
frames the model wants become pictures, and scaling those belongs to neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framestream.bench.bench_report import Ratio, Target
from framestream.bench.machine import load_average
from framestream.bench.synthetic_footage import FirstFrames
from framestream.bench.timing import Seconds, Spread, Timings
from framestream.classifier import Classifier
from framestream.cores import usable_cores
from framestream.errors import UnreadableSourceError
from framestream.model.session import ModelSession
from framestream.sampling.clock import SamplingClock
from framestream.sampling.resize import fit_frame
from framestream.sampling.sampler import Sample, Sampler, sample
from framestream.sources import VideoFile
from framestream.stream import Stream

_CHUNK_STEPS = 16


@dataclass(frozen=True, slots=True)
class FileFigures:
    """Figures measured on a recording.

    Attributes:
        facts: Name, size and rates of the recording, and how much of it was read.
        stages: Milliseconds by stage of a frame that the model wanted, frame by frame.
        throughput: Source frames per second.
        ratio: Reading files through the pipeline against the slower of decoding and running the model.
    """

    facts: dict[str, object]
    stages: dict[str, Timings]
    throughput: dict[str, float]
    ratio: Ratio


def measure_file(session: ModelSession, path: Path, *, frames: int, rounds: int) -> FileFigures:
    """Read at most `frames` frames of a file in each way, `rounds` times, in turns."""
    stages = _time_stages(session, path, frames)
    chunks, read = _prepare(session, path, frames)
    tasks: dict[str, Callable[[], object]] = {
        "decode": partial(_decode, session, path, frames),
        "decode on all cores": partial(_decode, session, path, frames, threads=0),
        "read": partial(_prepare, session, path, frames),
        "inference": partial(_infer, session, chunks),
        "file": partial(_watch, session, path, frames),
    }
    seconds, cpu_seconds = _in_turns(tasks, rounds)
    with closing(VideoFile(path)) as video:
        info, decoding_threads = video.info, video.threads
    facts: dict[str, object] = {
        "name": info.name,
        "size_wh": list(info.size_wh),
        "declared_fps": info.declared_fps,
        "frames": read,
        "frames_sampled": sum(chunk.shape[1] for chunk in chunks),
        "decoding_threads": decoding_threads,
    }
    throughput = {
        "decode_alone_frames": read / float(np.median(seconds["decode"])),
        "decode_alone_on_all_cores_frames": read / float(np.median(seconds["decode on all cores"])),
        "inference_alone_source_frames": read / float(np.median(seconds["inference"])),
        "file_mode_frames": read / float(np.median(seconds["file"])),
    }
    ratio = _over_slower_half(seconds, cpu_seconds, session.threads, decoding_threads)
    return FileFigures(facts, stages, throughput, ratio)


def _in_turns(tasks: dict[str, Callable[[], object]], rounds: int) -> tuple[dict[str, Seconds], dict[str, Seconds]]:
    """Run tasks in turns; return wall time and processor time, each `[rounds]` by name."""
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


def _over_slower_half(
    seconds: dict[str, Seconds], cpu_seconds: dict[str, Seconds], threads: int, decoding_threads: int
) -> Ratio:
    spread = Spread.of(np.maximum(seconds["decode"], seconds["inference"]) / seconds["file"])
    target = Target("at least", 0.85)
    return Ratio(
        "file_mode_over_slower_half",
        spread,
        f"speed of watch on the file / speed of the slower of decoding alone (threads: {decoding_threads}) "
        f"and inference alone (threads: {threads}), as in watch",
        target,
        "" if target.holds(spread.median) else _explain(seconds, cpu_seconds, threads, decoding_threads),
    )


def _explain(seconds: dict[str, Seconds], cpu_seconds: dict[str, Seconds], threads: int, decoding_threads: int) -> str:
    """Say why watching a file is slower than its slower half."""
    wall, cpu = (
        {name: float(np.median(values)) for name, values in measured.items()} for measured in (seconds, cpu_seconds)
    )
    cores = usable_cores()
    # As if no other program took any of it.
    slower = max(cpu["decode"] / decoding_threads, cpu["inference"] / threads)
    best = slower / max(cpu["file"] / cores, slower)
    text = (
        f"the file takes {wall['file']:.3f} s, decoding alone {wall['decode']:.3f} s, inference alone "
        f"{wall['inference']:.3f} s; in processor time {cpu['file']:.3f} s, {cpu['decode']:.3f} s and "
        f"{cpu['inference']:.3f} s, and scaling {max(0.0, cpu['read'] - cpu['decode']):.3f} s: "
        f"{cores} cores with nothing else to do allow {best:.2f} at best"
    )
    load = load_average()
    if load is not None and load > 1.5 * cores:
        text += f"; other work on this machine (load average {load:.1f}) left it {cpu['file'] / wall['file']:.2f} cores"
    return text


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
    """Return a file's samples, stacked in chunks `[1, steps, height, width, 3]`, and how many frames were read."""
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


def _decode(session: ModelSession, path: Path, frames: int, *, threads: int | None = None) -> None:
    with closing(VideoFile(path, threads=threads)) as video:
        # Only what the model wants is converted, as in a watch.
        for _ in sample(FirstFrames(video, frames), SamplingClock(session.spec.frame_rate)):
            pass


def _infer(session: ModelSession, chunks: list[NDArray[np.uint8]]) -> None:
    state = session.zero_state()
    for chunk in chunks:
        _, state = session.run(chunk, state)


def _watch(session: ModelSession, path: Path, frames: int) -> None:
    with closing(VideoFile(path)) as video, Classifier(session).watch(FirstFrames(video, frames)) as records:
        for _ in records:
            pass
