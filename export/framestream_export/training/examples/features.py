"""Features of a frozen encoder, computed once and kept on disk by content.

One file for each recording and augmentation, named after all that decides what is in it: the bytes of the clip, how
frames are cut from it, the encoder with its weights, and the augmentation. So another run, another fold, or the same
run after a kill or with a few clips more, encodes only what is new.

Recordings that are files of features have been encoded before: what they hold is read as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from framestream.errors import DataError
from framestream.feeds.feed import StopFlag
from framestream.model.spec import RESIZE
from framestream_export.data.frame_cache import FrameCache, FrameSegment
from framestream_export.encoders.digest import weights_digest
from framestream_export.encoders.pose_encoder import gives_keypoints
from framestream_export.files import DAMAGED, make_writable, write_atomically
from framestream_export.folder_lock import locked_when_free
from framestream_export.time_limit import NO_LIMIT, TimeLimit
from framestream_export.training.examples.augmentation import Augmentation
from framestream_export.training.examples.frame_encoders import frozen_encoder
from framestream_export.training.settings import TrainSettings

_FRAMES_PER_CHUNK = 64
_ASK_SECONDS = 0.25
_VERSION = 2


@dataclass(frozen=True, slots=True)
class FeatureRequest:
    """The features of a recording as it is, or in one augmentation; one file of the store.

    Attributes:
        recording: Index into the cache's recordings.
        number: Number of the augmentation, which fixes all that is drawn at random for it; 0 is no augmentation.
        mirrored: Whether left and right are swapped.
        background_frame: Index into the cache's frames of the picture of the background to mix in, or None.
    """

    recording: int
    number: int
    mirrored: bool = False
    background_frame: int | None = None


class FeatureStore:
    """Features of one encoder for the recordings of one cache.

    Attributes:
        keypoints: Whether they are joints.
    """

    def __init__(
        self,
        encoder: Any,
        cache: FrameCache,
        folder: Path,
        settings: TrainSettings,
        *,
        time_limit: TimeLimit = NO_LIMIT,
    ) -> None:
        """Keep features in `folder`, which other stores may use, too.

        Args:
            encoder: The encoder, a Keras model.
            cache: The decoded clips.
            folder: Where features are kept.
            settings: Settings of the training.
            time_limit: When to stop encoding.

        Raises:
            SettingsError: The folder cannot be written to.
        """
        make_writable(folder)
        self._cache, self._folder, self._settings = cache, folder, settings
        self._time_limit = time_limit
        self._encoder = frozen_encoder(encoder, size=settings.size)
        self.keypoints = gives_keypoints(encoder)
        facts = [_VERSION, self._encoder.name, weights_digest(encoder), settings.frame_rate, settings.size_wh, RESIZE]
        self._key = json.dumps(facts)
        # Names are digests, of a picture among others: too dear to be made anew for every example.
        self._files: dict[FeatureRequest, Path] = {}

    @property
    def feature_dim(self) -> int:
        """How many numbers the features of a frame are."""
        return self._encoder.feature_dim

    def fill(self, wanted: Sequence[FeatureRequest], *, console: Console) -> int:
        """Encode what is not there yet; returns how many frames that were.

        Raises:
            SettingsError: The disk is full, or refuses.
            TimeLimitError: The time is up.
        """
        if not self._missing(wanted):
            return 0
        with locked_when_free(self._folder, time_limit=self._time_limit):
            return self._encode(self._missing(wanted), console)

    def _missing(self, wanted: Sequence[FeatureRequest]) -> list[FeatureRequest]:
        return [item for item in wanted if self._is_film(item.recording) and not self._path(item).is_file()]

    def _encode(self, missing: Sequence[FeatureRequest], console: Console) -> int:
        encoded, stop = 0, StopFlag()
        with ThreadPoolExecutor(self._encoder.callers, "framestream-encoder") as pool:
            running = [pool.submit(self._fill_one, item, stop) for item in missing]
            done = track(
                self._done(running),
                description="encoding frames",
                total=len(missing),
                console=console,
                transient=True,
                disable=not console.is_terminal,
            )
            try:
                for future in done:
                    encoded += future.result()
            finally:
                # After an error, or Ctrl-C, nobody waits for the rest of a long film.
                stop.set()
                pool.shutdown(cancel_futures=True)
        return encoded

    def _done(self, running: Sequence[Future[int]]) -> Iterator[Future[int]]:
        """All of them, each as soon as it is done, while there is time."""
        waiting = set(running)
        while waiting:
            done, waiting = wait(waiting, _ASK_SECONDS, FIRST_COMPLETED)
            yield from done
            if waiting:
                there = len(running) - len(waiting)
                self._time_limit.check(
                    f"{there} of {len(running)} clips and augmented copies are encoded, and kept in {self._folder}"
                )

    def _fill_one(self, item: FeatureRequest, stop: StopFlag) -> int:
        chunks = []
        for frames in self._pictures(item):
            if stop.is_set():
                return 0
            chunks.append(self._encoder.encode(frames))
        features = np.concatenate(chunks)
        write_atomically(self._path(item), partial(np.save, arr=features), shared=True)
        return len(features)

    def read(self, wanted: FeatureRequest, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features [n, D] of some frames of a recording.

        Args:
            wanted: The recording and its augmentation; must have been given to `fill` before.
            indices: int64 [n], frames of the cache.

        Raises:
            DataError: A file is gone or damaged.
        """
        if not self._is_film(wanted.recording):
            first = int(indices.min())
            return self._cache.read_features(first, int(indices.max()) + 1)[indices - first]
        path = self._path(wanted)
        rows = indices - self._first(wanted.recording)
        try:
            return _read_rows(path, rows, width=self.feature_dim)
        except (*DAMAGED, IndexError) as error:
            raise DataError(f"{path} cannot be read ({error}); delete it and resume the training") from error

    def of_segment(self, segment: FrameSegment) -> NDArray[np.float32]:
        """Features [frames, D] of a segment as it is."""
        return self.read(FeatureRequest(segment.recording, 0), np.arange(segment.start, segment.stop))

    def _pictures(self, wanted: FeatureRequest) -> Iterator[NDArray[np.uint8]]:
        """The recording's frames, augmented as wanted, in chunks of bounded size."""
        segments = self._cache.segments_of(wanted.recording)
        augmentation = self._augmentation(wanted)
        for first in range(segments[0].start, segments[-1].stop, _FRAMES_PER_CHUNK):
            frames = self._cache.read(first, min(first + _FRAMES_PER_CHUNK, segments[-1].stop))
            yield frames if augmentation is None else augmentation.apply(frames)

    def _augmentation(self, wanted: FeatureRequest) -> Augmentation | None:
        if wanted.number == 0:
            return None
        seed = int(self._cache.digests[wanted.recording][:16], 16)
        background = (
            None if wanted.background_frame is None else np.asarray(self._cache.frames[wanted.background_frame])
        )
        rng = np.random.default_rng((seed, wanted.number))
        return Augmentation.draw(rng, size_wh=self._settings.size_wh, mirrored=wanted.mirrored, background=background)

    def _is_film(self, recording: int) -> bool:
        return self._cache.has_pictures(self._cache.segments_of(recording)[0])

    def _first(self, recording: int) -> int:
        return self._cache.segments_of(recording)[0].start

    def _path(self, wanted: FeatureRequest) -> Path:
        if wanted not in self._files:
            self._files[wanted] = self._name(wanted)
        return self._files[wanted]

    def _name(self, wanted: FeatureRequest) -> Path:
        cache, background = self._cache, None
        if wanted.background_frame is not None:
            background = hashlib.sha256(np.asarray(cache.frames[wanted.background_frame]).tobytes()).hexdigest()
        facts = [self._key, cache.digests[wanted.recording], wanted.number, wanted.mirrored, background]
        return self._folder / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}.npy"


def _read_rows(path: Path, indices: NDArray[np.int64], *, width: int) -> NDArray[np.float32]:
    """Some rows of a float32 array [N, width] in a .npy file; from the first of them to the last is read."""
    with path.open("rb") as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("not a file of features")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if shape[1:] != (width,) or dtype != np.float32 or indices.min() < 0 or indices.max() >= shape[0]:
            raise ValueError(f"{dtype} {list(shape)} instead of float32 [{int(indices.max()) + 1}, {width}] or more")
        first, count = int(indices.min()), int(np.ptp(indices)) + 1
        stream.seek(first * width * dtype.itemsize, os.SEEK_CUR)
        rows = np.fromfile(stream, np.float32, count * width).reshape(count, width)
    found: NDArray[np.float32] = rows[indices - first]
    return found
