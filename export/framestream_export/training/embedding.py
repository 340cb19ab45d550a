"""Encoding a data set once: every film becomes a file of features, listed in a manifest that `train` takes.

A film that was encoded with the same options, and has not changed since, is not encoded again. The manifest is written
last, so a folder with a manifest is whole.
"""

from __future__ import annotations

import csv
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track

from framestream.errors import DataError, SettingsError, SourceError
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.footage import FEATURES_SUFFIX, Dataset, Recording
from framestream_export.data.frame_cache import Skipped
from framestream_export.data.manifest import MANIFEST, write_manifest
from framestream_export.encoders.designs import EncoderName
from framestream_export.encoders.digest import weights_digest
from framestream_export.encoders.pose_encoder import gives_keypoints
from framestream_export.files import make_writable
from framestream_export.training.embedded_recordings import weights_name
from framestream_export.training.examples.frame_encoders import frozen_encoder
from framestream_export.training.film_encoding import FilmEncoding
from framestream_export.training.network.sequence_model import first_encoder
from framestream_export.training.settings import TrainSettings


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
    work = FilmEncoding(frozen_encoder(encoder, size=settings.size), maker)
    places = [output / _place(recording, dataset.root) for recording in dataset.recordings]
    manifest = output / MANIFEST
    missing = [number for number, path in enumerate(places) if not work.is_done(dataset.recordings[number], path)]
    if missing:
        manifest.unlink(missing_ok=True)
    reasons = _encode_all(work, dataset, places, missing, console=console)
    made = [
        replace(recording, path=path, image_rate=None)
        for number, (recording, path) in enumerate(zip(dataset.recordings, places, strict=True))
        if number not in reasons
    ]
    if not made:
        raise DataError(f"{dataset.root}: none of the {len(places)} films can be read; {min(reasons.values())}")
    write_manifest(manifest, made)
    skipped = tuple(Skipped(dataset.recordings[number].name, reasons[number]) for number in sorted(reasons))
    return Embedding(manifest, maker, len(made), len(missing) - len(reasons), skipped)


def _encode_all(
    work: FilmEncoding, dataset: Dataset, places: list[Path], missing: list[int], *, console: Console
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


def _check_output(dataset: Dataset, output: Path) -> None:
    embedded = next((one for one in dataset.recordings if one.holds_features), None)
    if embedded is not None:
        raise DataError(f"{embedded.path} holds features already; give the films, or train on it as it is")
    root, place = Path(os.path.realpath(dataset.root)), Path(os.path.realpath(output))
    # All below a folder of clips is read, but below a manifest only what it lists.
    if place == root or (root in place.parents and dataset.layout != "manifest"):
        raise SettingsError(f"{output} lies in {dataset.root}, where it would be read as clips; give another --output")
    manifest = output / MANIFEST
    if manifest.exists() and not _lists_features(manifest):
        raise SettingsError(f"{manifest} lists other things than features, and would be lost; give another --output")


def _lists_features(manifest: Path) -> bool:
    """Whether a manifest may be replaced, because `embed` has written it."""
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            return all((row.get("path") or "").endswith(FEATURES_SUFFIX) for row in csv.DictReader(stream))
    except (OSError, ValueError, csv.Error):
        return False


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
