"""Recordings that are files of features: what follows from them for a run, and what has to hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framestream.errors import SettingsError, UnreadableSourceError
from framestream_export.data.feature_files import read_maker
from framestream_export.data.feature_maker import FeatureMaker
from framestream_export.data.footage import FEATURES_SUFFIX, Dataset
from framestream_export.data.manifest import is_manifest
from framestream_export.data.spreadsheets import read_text
from framestream_export.data.tables import TABLE_SUFFIXES
from framestream_export.encoders.building import NAMED_WEIGHTS
from framestream_export.encoders.designs import EncoderName
from framestream_export.encoders.digest import weights_digest
from framestream_export.encoders.pose_encoder import gives_keypoints
from framestream_export.training.settings import TrainSettings
from framestream_export.training.training_data import DataPath


@dataclass(frozen=True, slots=True)
class EmbeddedRecordings:
    """The files of features in a data set.

    Attributes:
        path: The first that can be read; it stands for all, which one encoder must have made.
        maker: The encoder.
        count: How many files there are.
        films: How many other recordings there are.
    """

    path: Path
    maker: FeatureMaker
    count: int
    films: int

    @classmethod
    def of(cls, dataset: Dataset) -> EmbeddedRecordings | None:
        """Those of a data set; None where there are none, or none of them can be read."""
        embedded = [recording for recording in dataset.recordings if recording.holds_features]
        for recording in embedded:
            try:
                maker, _ = read_maker(recording.path)
            except UnreadableSourceError:  # who reads all of them names it
                continue
            return cls(recording.path, maker, len(embedded), len(dataset.recordings) - len(embedded))
        return None

    @classmethod
    def listed_in(cls, data_path: DataPath, background: str | None) -> EmbeddedRecordings | None:
        """Those of a data set that is a manifest, before anything is settled.

        Only a manifest can list them. One that lies deeper is found when all is read; options must then be given.
        """
        data = data_path.data
        lists = [path for path in data.iterdir() if is_manifest(path.name)] if data.is_dir() else [data]
        # Most lists name films only, and need not be read twice.
        tables = [path for path in lists if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES]
        if not any(FEATURES_SUFFIX in read_text(path, damaged=True) for path in tables):
            return None
        return cls.of(data_path.read(background))

    def with_options(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that were asked for, and those that follow from the files.

        Raises:
            SettingsError: The weights have no name to find them by.
        """
        maker = self.maker
        # A data set does not say which files of this machine are opened, so weights are found by their name only.
        if "weights" not in changes and maker.weights not in NAMED_WEIGHTS:
            raise SettingsError(
                f"{self.path} was made by {maker}: give with --weights the file or run that `embed` was given"
            )
        follows = {"encoder": maker.encoder, "weights": maker.weights, "size": maker.size}
        follows["frame_rate"] = maker.frame_rate
        if not self.films and not maker.keypoints:
            follows["augmentations"] = 0
        return {**follows, **changes}

    def check(self, settings: TrainSettings, *, choices: Sequence[str], encoder: Any | None) -> None:
        """Refuse settings that these files do not go with.

        Args:
            settings: Settings of the training.
            choices: Presets that the run may still choose from.
            encoder: The Keras model that the run starts with; None where that was checked when the run began.

        Raises:
            SettingsError: Another encoder, or something that needs pictures.
        """
        if choices:
            raise SettingsError(
                f"{self.path} holds features of {self.maker}, so there is no encoder to choose: {self._options()}"
            )
        self._check_encoder(settings, encoder)
        if settings.fine_tune or not settings.two_stage:
            raise SettingsError(
                f"{self.path} holds features and no pictures, from which alone an encoder learns: leave out --fine-tune"
            )
        if settings.augmentations and not self.films and not self.maker.keypoints:
            raise SettingsError(
                f"{self.path} holds features of {self.maker.encoder} and no pictures to make {settings.augmentations}"
                " augmented copies of: give --looks 0"
            )

    def describe(self, settings: TrainSettings) -> str:
        """What a person should know about training with them, one line."""
        left_out = ""
        if self.films and settings.augmentations and not self.maker.keypoints:
            left_out = "; augmented copies are made of films only"
        return f"{self.count} of {self.count + self.films} recordings are features of {self.maker}{left_out}"

    def _check_encoder(self, settings: TrainSettings, encoder: Any | None) -> None:
        maker, source = self.maker, settings.weights
        wanted = replace(
            maker,
            encoder=str(EncoderName.parse(settings.encoder)),
            weights=weights_name(source),
            size=settings.size,
            frame_rate=settings.frame_rate,
        )
        if encoder is not None:
            wanted = replace(
                wanted,
                weights_digest=weights_digest(encoder),
                feature_dim=int(encoder.output_shape[-1]),
                keypoints=gives_keypoints(encoder),
            )
        if not maker.makes_the_same(wanted):
            raise SettingsError(
                f"{self.path} was made by {maker}, and the run encodes with {wanted}: {self._options()}, or embed the"
                " films again"
            )

    def _options(self) -> str:
        maker = self.maker
        weights = maker.weights if maker.weights in NAMED_WEIGHTS else "FILE"
        return f"give --encoder {maker.encoder} --weights {weights} --size {maker.size} --rate {maker.frame_rate:g}"


def weights_name(weights: str) -> str:
    """What weights are called wherever they lie: a name that `--weights` knows, or the last part of a path."""
    if weights.lower() in NAMED_WEIGHTS:
        return weights.lower()
    return re.sub(r"[^\w.@+ -]", "_", Path(weights).resolve().name)[:100] or "folder"
