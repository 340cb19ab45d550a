"""The sequence batcher of the FAKE Triton: strategy `oldest`, implicit state, candidates, backlog, idle sequences."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Outputs = dict[str, NDArray[np.float32]]


class FakeRefusalError(Exception):
    """A request that Triton refuses as an invalid argument."""


@dataclass(frozen=True)
class SequenceRequest:
    """A request that has been read from the wire; frames are [1, steps, height, width, 3]."""

    sequence: int | str
    frames: NDArray[np.uint8]
    start: bool
    end: bool
    answer: Future[Outputs] = field(default_factory=Future)


@dataclass
class _Candidate:
    """A sequence with a slot, or one in the backlog that will get one."""

    sequence: int | str
    used_seconds: float
    state: Outputs = field(default_factory=dict)
    waiting: deque[SequenceRequest] = field(default_factory=deque)


class FakeSequenceBatcher:
    """Runs requests in the order of their sequence, those of different sequences together where shapes are equal.

    Attributes:
        batches: The sequences of each run, in order.
        conflicts: Sequences that were started while they went on, about which Triton logs a warning.
    """

    def __init__(self, config: Any, session: onnxruntime.InferenceSession, *, first_batch: int) -> None:
        """Start the thread that runs the model."""
        self.batches: list[list[int | str]] = []
        self.conflicts: list[int | str] = []
        self._config, self._session = config, session
        self._first_batch = first_batch
        self._changed = threading.Condition()
        self._candidates: list[_Candidate] = []
        self._backlog: deque[_Candidate] = deque()
        self._known: dict[int | str, _Candidate] = {}
        self._offset_seconds = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="framestream-fake-triton")
        self._thread.start()

    def submit(self, request: SequenceRequest) -> Future[Outputs]:
        """Queue a request, or raise FakeRefusalError."""
        model = self._config.name
        if request.frames.shape[0] != 1:
            raise FakeRefusalError(
                f"inference request to model '{model}' must specify batch-size 1 due to requirements of sequence "
                "batcher"
            )
        if not request.sequence:
            raise FakeRefusalError(
                f"inference request to model '{model}' must specify a non-zero or non-empty correlation ID"
            )
        with self._changed:
            self._end_idle()
            candidate = self._known.get(request.sequence)
            if candidate is None and not request.start:
                raise FakeRefusalError(
                    f"inference request for sequence {request.sequence} to model '{model}' must specify the START flag "
                    "on the first request of the sequence"
                )
            if candidate is None:
                candidate = self._known[request.sequence] = _Candidate(request.sequence, self._now())
                self._backlog.append(candidate)
            elif request.start:
                self.conflicts.append(request.sequence)
            candidate.used_seconds = self._now()
            candidate.waiting.append(request)
            if request.end:  # the next one of this name is another sequence
                del self._known[request.sequence]
            self._admit()
            self._changed.notify_all()
        return request.answer

    def forget(self) -> None:
        """Lose all sequences, as a server does that is restarted."""
        with self._changed:
            self._known.clear()
            self._candidates = [item for item in self._candidates if item.waiting]

    def let_pass(self, seconds: float) -> None:
        """Put the clock forward."""
        with self._changed:
            self._offset_seconds += seconds

    def close(self) -> None:
        """End the thread; what waits is refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        for candidate in [*self._candidates, *self._backlog]:
            for request in candidate.waiting:
                request.answer.set_exception(FakeRefusalError("Server is stopping"))

    def _now(self) -> float:
        return time.monotonic() + self._offset_seconds

    def _end_idle(self) -> None:
        limit_seconds = self._config.sequence_batching.max_sequence_idle_microseconds / 1e6
        for sequence, candidate in list(self._known.items()):
            if not candidate.waiting and self._now() - candidate.used_seconds > limit_seconds:
                del self._known[sequence]
                self._candidates.remove(candidate)
        self._admit()

    def _admit(self) -> None:
        while self._backlog and len(self._candidates) < self._config.sequence_batching.oldest.max_candidate_sequences:
            self._candidates.append(self._backlog.popleft())

    def _serve(self) -> None:
        while batch := self._next_batch():
            requests = [candidate.waiting[0] for candidate in batch]
            try:
                outputs = self._run(batch, requests)
            except Exception as error:  # handed on to whoever waits for the answers
                for request in requests:
                    request.answer.set_exception(error)
                outputs = []
            with self._changed:
                self.batches.append([candidate.sequence for candidate in batch])
                for candidate, request in zip(batch, requests, strict=True):
                    candidate.waiting.popleft()
                    if request.end:
                        self._candidates.remove(candidate)
                self._admit()
            for request, answer in zip(requests, outputs, strict=False):
                request.answer.set_result(answer)

    def _next_batch(self) -> list[_Candidate]:
        """Wait for requests; return the sequences whose first one runs next, or none when all is over."""
        delay_seconds = self._config.sequence_batching.oldest.max_queue_delay_microseconds / 1e6
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._full(self._first_batch))
            self._first_batch = 1
            self._changed.wait_for(lambda: self._closed or self._full(self._config.max_batch_size), delay_seconds)
            if self._closed:
                return []
            ready = [candidate for candidate in self._candidates if candidate.waiting]
            batch = ready[:1]
            for candidate in ready[1 : self._config.max_batch_size]:
                if candidate.waiting[0].frames.shape != batch[0].waiting[0].frames.shape:
                    break
                batch.append(candidate)
            return batch

    def _full(self, cameras: int) -> bool:
        return sum(bool(candidate.waiting) for candidate in self._candidates) >= cameras

    def _run(self, batch: list[_Candidate], requests: list[SequenceRequest]) -> list[Outputs]:
        states = self._config.sequence_batching.state
        for candidate, request in zip(batch, requests, strict=True):
            if request.start:
                # Uninitialized memory, unless the configuration asks for zeros.
                candidate.state = {
                    state.input_name: np.full((1, *state.dims), 0 if state.initial_state else np.nan, np.float32)
                    for state in states
                }
        feeds: dict[str, NDArray[Any]] = {
            state.input_name: np.concatenate([candidate.state[state.input_name] for candidate in batch])
            for state in states
        }
        feeds[self._config.input[0].name] = np.concatenate([request.frames for request in requests])
        names = [item.name for item in self._config.output]
        # Not by the configuration's pairs: Triton pairs the sorted names (its issue 8586).
        after = sorted(state.output_name for state in states)
        before = sorted(state.input_name for state in states)
        values = dict(zip([*names, *after], self._session.run([*names, *after], feeds), strict=True))
        for row, candidate in enumerate(batch):
            pairs = zip(before, after, strict=True)
            candidate.state = {name: values[next_name][row : row + 1] for name, next_name in pairs}
        return [{name: values[name][row : row + 1] for name in names} for row in range(len(batch))]
