"""Encoding a data set once: every film becomes a file of features, listed in a manifest that `train` takes.

A film that was encoded with the same options, and has not changed since, is not encoded again. The manifest is written
last, so a folder with a manifest is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from framestream.errors import DataError, SettingsError, SourceError, UnreadableSourceError
from framestream.feeds.feed import StopFlag
from framestream.records import Gap
from framestream_export.data.decoding import sampled
from framestream_export.data.feature_files import RecordedFeatures, read_features, write_features
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.file_states import state_of
from framestream_export.data.footage import FEATURES_SUFFIX, Dataset, Recording
from framestream_export.data.frame_cache import Skipped
from framestream_export.data.manifest import MANIFEST, write_manifest
from framestream_export.encoders.designs import EncoderName
from framestream_export.encoders.digest import weights_digest
from framestream_export.encoders.pose_encoder import gives_keypoints
from framestream_export.files import make_writable
from framestream_export.training.embedded_recordings import weights_name
from framestream_export.training.examples.frame_encoders import FrameEncoder, frozen_encoder
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.settings import TrainSettings

# As many as training encodes at once: the same portions give the same last digits.
_FRAMES_PER_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Embedding:
    """A data set that was encoded.

    Attributes:
        manifest: The list of the files of features.
        maker: The encoder that made them.
        recordings: How many files it lists.
        encoded: How many of them were made now; the others were there.
        skipped: Films that cannot be read, and why.
    """

    manifest: Path
    maker: FeatureMaker
    recordings: int
    encoded: int
    skipped: tuple[Skipped, ...]


def embed(dataset: Dataset, output: Path, settings: TrainSettings, *, console: Console) -> Embedding:
    """Encode the films of a data set.

    Args:
        dataset: The data set, read.
        output: Folder for the files and their manifest; what is there already is kept or replaced.
        settings: Encoder, weights, size and frame rate; the others do not matter.
        console: Console that progress is shown on.

    Raises:
        DataError: A recording is a file of features, or no film can be read.
        SettingsError: The encoder has no weights, or the folder cannot be written to or lies in the data set.
    """
    if settings.weights.lower() == "none":
        raise SettingsError("an encoder with random weights says nothing of a film; give --weights or --preset")
    _check_output(dataset, output)
    encoder = first_encoder(settings)
    maker = FeatureMaker(
        encoder=str(EncoderName.parse(settings.encoder)),
        weights=weights_name(settings.weights),
        weights_digest=weights_digest(encoder),
        size=settings.size,
        frame_rate=float(settings.frame_rate),
        feature_dim=int(encoder.output_shape[-1]),
        keypoints=gives_keypoints(encoder),
    )
    make_writable(output)
    work = _Encoding(frozen_encoder(encoder, size=settings.size), maker)
    places = [output / _place(recording, dataset.root) for recording in dataset.recordings]
    missing = [number for number, path in enumerate(places) if not work.is_done(dataset.recordings[number], path)]
    reasons = _encode_all(work, dataset, places, missing, console=console)
    made = [
        replace(recording, path=path, image_rate=None)
        for number, (recording, path) in enumerate(zip(dataset.recordings, places, strict=True))
        if number not in reasons
    ]
    if not made:
        raise DataError(f"{dataset.root}: none of the {len(places)} films can be read; {min(reasons.values())}")
    manifest = output / MANIFEST
    write_manifest(manifest, made)
    skipped = tuple(Skipped(dataset.recordings[number].name, reasons[number]) for number in sorted(reasons))
    return Embedding(manifest, maker, len(made), len(missing) - len(reasons), skipped)


def _encode_all(
    work: _Encoding, dataset: Dataset, places: list[Path], missing: list[int], *, console: Console
) -> dict[int, str]:
    """Encode some recordings of a data set, by number; returns why those that cannot be read cannot."""
    reasons: dict[int, str] = {}
    with ThreadPoolExecutor(work.encoder.callers, "framestream-embed") as pool:
        running = {pool.submit(work.encode, dataset.recordings[number], places[number]): number for number in missing}
        done = track(
            as_completed(running),
            description="encoding films",
            total=len(missing),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        try:
            for future in done:
                try:
                    future.result()
                except SourceError as error:
                    reasons[running[future]] = str(error)
        finally:
            # After an error, or Ctrl-C, nobody waits for the rest of a long film.
            work.stop.set()
            pool.shutdown(cancel_futures=True)
    return reasons


class _Encoding:
    """Makes files of features with one encoder, on several threads."""

    def __init__(self, encoder: FrameEncoder, maker: FeatureMaker) -> None:
        self.encoder, self.maker, self.stop = encoder, maker, StopFlag()

    def is_done(self, recording: Recording, path: Path) -> bool:
        """Whether a file holds what this encoder says of the film as it is now."""
        if not path.is_file():
            return False
        try:
            found = read_features(path)
        except UnreadableSourceError:  # it is made again
            return False
        return found.maker.makes_the_same(self.maker) and found.source == _source(recording)

    def encode(self, recording: Recording, path: Path) -> None:
        """Write a recording's file, unless the work is to stop.

        Raises:
            SourceError: The film cannot be read.
        """
        source, size_wh = _source(recording), (self.maker.size, self.maker.size)
        times: list[float] = []
        segment_frames = [0]
        waiting: list[NDArray[np.uint8]] = []
        features: list[NDArray[np.float32]] = []
        with sampled(recording, frame_rate=self.maker.frame_rate, size_wh=size_wh) as samples:
            for item in samples:
                if self.stop.is_set():
                    return
                if isinstance(item, Gap):
                    segment_frames.append(0)
                    continue
                times.append(item.pts_seconds)
                segment_frames[-1] += 1
                waiting.append(item.image)
                if len(waiting) == _FRAMES_PER_CHUNK:
                    features.append(self.encoder.encode(np.stack(waiting)))
                    waiting.clear()
        if waiting:
            features.append(self.encoder.encode(np.stack(waiting)))
        if not features:
            raise UnreadableSourceError(f"{recording.path} gives no frame; leave it out, or record it again")
        lengths = tuple(count for count in segment_frames if count)
        found = RecordedFeatures(self.maker, np.concatenate(features), np.array(times), lengths, source)
        write_features(path, found)


def _check_output(dataset: Dataset, output: Path) -> None:
    embedded = next((one for one in dataset.recordings if one.holds_features), None)
    if embedded is not None:
        raise DataError(f"{embedded.path} holds features already; give the films, or train on it as it is")
    root, place = Path(os.path.realpath(dataset.root)), Path(os.path.realpath(output))
    # All below a folder of clips is read, but below a manifest only what it lists.
    if place == root or (root in place.parents and dataset.layout != "manifest"):
        raise SettingsError(f"{output} lies in {dataset.root}, where it would be read as clips; give another --output")


def _place(recording: Recording, root: Path) -> Path:
    """Where a recording's features go: as the recording lies in its data set; what lies elsewhere beside that."""
    path = Path(os.path.abspath(recording.path))
    top = Path(os.path.abspath(root))
    if top in path.parents:
        inside = path.relative_to(top)
    else:
        folder = hashlib.sha256(os.fsencode(path.parent)).hexdigest()[:8]
        inside = Path(f"elsewhere-{folder}") / path.name
    return inside.with_name(f"{inside.name}{FEATURES_SUFFIX}")


def _source(recording: Recording) -> str:
    """A film's name and state: another one is another film, wherever it lies."""
    facts = state_of(recording)
    facts[0] = facts[0][1:]  # without its place
    return f"{recording.path.name} {hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"
