"""Films as cameras of a Triton server: each is a sequence, whose state the server keeps. No FrameStream here.

    python triton_client.py MODEL FILM... [--url HOST:8001] [--steps N]

Needs `pip install "tritonclient[grpc]" opencv-python-headless numpy`. All facts about the model, its labels, frame rate
and size among them, come from the server. Prints a line for each prediction: film, second, label, score. A film that
is shorter than the model's window gets none.
"""

import argparse
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import tritonclient.grpc as triton

MAX_HOLD_SECONDS = 5
TOLERANCE_SECONDS = 0.001  # containers round timestamps to milliseconds


@dataclass(frozen=True)
class Facts:
    """What the server knows of the model, as the exporter wrote it into its configuration."""

    name: str
    labels: list[str]
    frame_rate: float
    window: int
    anchor_frames: int
    size_wh: tuple[int, int]

    @classmethod
    def ask(cls, client: triton.InferenceServerClient, name: str) -> "Facts":
        """Ask the server about a model."""
        parameters = client.get_model_config(name).config.parameters
        text = {key.removeprefix("framestream."): value.string_value for key, value in parameters.items()}
        if text.get("spec_version") != "1":
            sys.exit(f"{name} was not written by `framestream export --triton`, or by a newer one")
        return cls(
            name,
            text["labels"].split("\n"),
            float(text["frame_rate"]),
            int(text["window"]),
            int(text["anchor_frames"]),
            (int(text["width"]), int(text["height"])),
        )


@dataclass(frozen=True)
class Sample:
    """A frame for the model: RGB bytes, the tick it was sampled for, and the segment without gaps it belongs to."""

    frame: np.ndarray
    seconds: float
    segment: int


def fit(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Stretch a BGR image to the model's size and bring it to RGB."""
    shrinks = image.shape[1] >= size_wh[0] and image.shape[0] >= size_wh[1]
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)[:, :, ::-1]


def samples(film: str, facts: Facts) -> Iterator[Sample]:
    """Sample by time: each tick of the model's clock gets the first frame at or after it, or the last one again."""
    capture, rate = cv2.VideoCapture(film), facts.frame_rate
    segment, ticks, first, last, frame = 0, 0, 0.0, -np.inf, None
    while capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not -1 / rate < seconds - last <= MAX_HOLD_SECONDS:  # the first frame, or a gap: start anew
            segment, ticks, first, frame = segment + 1, 0, seconds, None
        last = max(seconds, last) if frame is not None else seconds
        due = int((seconds - first + TOLERANCE_SECONDS) * rate)
        if due < ticks:
            continue
        held, frame = frame, fit(capture.retrieve()[1], facts.size_wh)
        for tick in range(ticks, due + 1):
            yield Sample(frame if tick == due else held, first + tick / rate, segment)
        ticks = due + 1


def chunks(film: str, facts: Facts, steps: int) -> Iterator[tuple[list[Sample], bool, bool]]:
    """Yield up to `steps` samples at a time, and whether they are the first and the last of their segment."""
    for _, segment in groupby(samples(film, facts), key=lambda sample: sample.segment):
        waiting: list[Sample] = []
        start = True
        for sample in segment:
            if len(waiting) == steps:  # that there is another one shows that these are not the last
                yield waiting, start, False
                waiting, start = [], False
            waiting.append(sample)
        yield waiting, start, True


class Camera:
    """One camera, which is a sequence on the server."""

    def __init__(self, client: triton.InferenceServerClient, facts: Facts, sequence: str) -> None:
        """Name a sequence; no other camera may use the same name on the server."""
        self._client, self._facts, self._sequence = client, facts, sequence
        self._rows = 0

    def predictions(self, frames: np.ndarray, *, start: bool, end: bool) -> Iterator[tuple[int, np.ndarray]]:
        """Send frames, uint8 [steps, height, width, 3]; yield the index and probabilities of each prediction."""
        try:
            rows = self._infer(frames, start=start, end=end)
        except triton.InferenceServerException as error:
            # The server has forgotten the sequence: restarted, or nothing was sent for too long. So the state is gone.
            if start or "START flag" not in error.message():
                raise
            start = True
            rows = self._infer(frames, start=True, end=end)
        if start:
            self._rows = 0
        for index, row in enumerate(rows):
            self._rows += 1
            if self._rows >= self._facts.window:  # before that the window reaches back to frames that never were
                yield index, row

    def _infer(self, frames: np.ndarray, *, start: bool, end: bool) -> np.ndarray:
        batch = frames[None]  # one camera; the server makes batches of many
        tensor = triton.InferInput("frames", batch.shape, "UINT8")
        tensor.set_data_from_numpy(batch)
        result = self._client.infer(
            self._facts.name,
            [tensor],
            outputs=[triton.InferRequestedOutput("probabilities")],
            sequence_id=self._sequence,
            sequence_start=start,
            sequence_end=end,
        )
        return result.as_numpy("probabilities")[0]


def watch(client: triton.InferenceServerClient, facts: Facts, film: str, sequence: str, steps: int) -> None:
    """Run a film as one camera; print a line for each prediction."""
    camera = Camera(client, facts, sequence)
    for chunk, start, end in chunks(film, facts, steps):
        frames = np.ascontiguousarray([sample.frame for sample in chunk])
        for index, row in camera.predictions(frames, start=start, end=end):
            seconds, best = chunk[index].seconds - facts.anchor_frames / facts.frame_rate, int(row.argmax())
            sys.stdout.write(f"{Path(film).name}  {seconds:7.2f}  {facts.labels[best]}  {row[best]:.3f}\n")


def main() -> None:
    """Watch all films at once, each on a thread of its own, so that the server can batch them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("films", nargs="+")
    parser.add_argument("--url", default="localhost:8001", help="the server's gRPC address")
    parser.add_argument("--steps", type=int, default=1, help="frames per request: 1 live, more for recordings")
    given = parser.parse_args()
    with triton.InferenceServerClient(given.url) as client, ThreadPoolExecutor(len(given.films)) as pool:
        facts = Facts.ask(client, given.model)
        # A sequence's name must be nobody else's: two cameras of one name would share a state. Names of at most 128
        # bytes; a camera that is always there may use its own, and then finds its sequence again.
        jobs = [pool.submit(watch, client, facts, film, str(uuid.uuid4()), given.steps) for film in given.films]
        for job in jobs:
            job.result()


if __name__ == "__main__":
    main()
