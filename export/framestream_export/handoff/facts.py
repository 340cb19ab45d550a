"""What card and README tell, collected: from the run's record, and from the files as they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framestream.model.spec import ModelSpec
from framestream_export.exporting.figures import Variant, VariantFigures
from framestream_export.exporting.speed import FrameTimes


@dataclass(frozen=True, slots=True)
class WrittenVariant:
    """One variant in the folder.

    Attributes:
        variant: Which.
        file: Its path in the folder.
        file_bytes: Its size.
        digest: Of the file.
        spec: What it says about itself.
        state: Shape of each state, without cameras.
        figures: What was measured when it was exported; None if nothing was.
        fixed_steps: Whether it takes one frame at a time only.
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
    """Everything that card and README need.

    Attributes:
        record: The run's record, with its test report.
        variants: Those in the folder, the first one the reference.
        refused: Why others are not in it, by name.
        speed: How long they take.
        vector_frames: Pictures from the run's own recordings in the golden vectors; 0 if they were drawn.
        written: When, UTC, ISO 8601.
    """

    record: Mapping[str, Any]
    variants: Sequence[WrittenVariant]
    refused: Mapping[str, str]
    speed: FrameTimes
    vector_frames: int
    written: str

    @property
    def spec(self) -> ModelSpec:
        """Of the reference."""
        return self.variants[0].spec
