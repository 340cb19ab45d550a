"""The facts in the model card and the README, from the run's record and from the files as they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framestream.model.spec import ModelSpec
from framestream_export.exporting.figures import Variant, VariantFigures
from framestream_export.exporting.speed import FrameTimes


@dataclass(frozen=True, slots=True)
class WrittenVariant:
    """A variant in a hand-off folder.

    Attributes:
        variant: The variant that was written.
        file: The model file's path in the folder.
        file_bytes: Size of the file.
        digest: Digest of the file.
        spec: The metadata in the file.
        state: Shape of each state, without cameras.
        figures: Figures measured when the variant was exported; None if nothing was.
        fixed_steps: Whether the variant takes one frame at a time only.
    """

    variant: Variant
    file: str
    file_bytes: int
    digest: str
    spec: ModelSpec
    state: Mapping[str, Sequence[int]]
    figures: VariantFigures | None
    fixed_steps: bool


@dataclass(frozen=True, slots=True)
class HandoffFacts:
    """Everything that the model card and the README need.

    Attributes:
        record: The run's record, with its test report.
        variants: The variants in the folder, the first one the reference.
        refused: Why other variants are not in the folder, by name.
        speed: How long the variants take for a frame.
        vector_frames: Pictures from the run's own recordings in the golden vectors; 0 if their frames are synthetic.
        written: When the folder was written, UTC, ISO 8601.
    """

    record: Mapping[str, Any]
    variants: Sequence[WrittenVariant]
    refused: Mapping[str, str]
    speed: FrameTimes
    vector_frames: int
    written: str

    @property
    def spec(self) -> ModelSpec:
        """Metadata of the reference, the first variant."""
        return self.variants[0].spec
