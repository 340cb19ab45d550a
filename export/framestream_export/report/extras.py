"""What a report shows beside the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framestream.model.spec import EventSettings
from framestream_export.measures.event_settings import SuggestedEvents
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming


class FramesOf(Protocol):
    """A function that returns pictures of a recording."""

    def __call__(self, timeline: PredictionTimeline, start_seconds: float, stop_seconds: float) -> NDArray[np.uint8]:
        """Frames of a recording between two moments of media time: uint8 [N, height, width, 3], RGB, at least one.

        None of a recording that has no pictures.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportExtras:
    """What a report shows beside the figures.

    Attributes:
        timing: When predictions are made, and which moment they are about.
        title: Heading of the page: what was measured.
        split: The part of the data that was measured: "test", "all", …
        held_out: Whether it is known that nothing was trained on these recordings.
        events: The settings that events were found with.
        suggested: Event settings that were found to be better; None if none were searched for.
        temperature: What the logits were divided by, already in the predictions; None if they were not.
        baseline: What a model that does not use the order of frames predicted about the same recordings, in the
            same order.
        linear: What a linear model of windows predicted about them.
        encoder_choice: How the encoder was chosen: `preset`, `accuracies` by preset, `windows`, `groups`, `folds` and
            `reason`; None if it was not measured.
        history: An entry per epoch, such as {"loss": …, "validation_loss": …}: a chart for every such pair.
        best_epoch: The epoch that was kept, counted from 1.
        frames_of: Gives pictures for the film strips; without it there are none.
        warnings: Sentences of warning that the report shows beside its own.
        by: What the figures are broken down by, such as "camera", and the value of each recording, in the same order;
            None is its true labels.
        negatives: What the model predicted about films in which nothing happens; None if there were none to watch.
    """

    timing: PredictionTiming
    title: str = "How good the model is"
    split: str = "test"
    held_out: bool = False
    events: EventSettings = field(default_factory=EventSettings)
    suggested: SuggestedEvents | None = None
    temperature: float | None = None
    baseline: Sequence[PredictionTimeline] = ()
    linear: Sequence[PredictionTimeline] = ()
    encoder_choice: Mapping[str, Any] | None = None
    history: Sequence[Mapping[str, float]] = ()
    best_epoch: int | None = None
    frames_of: FramesOf | None = None
    warnings: Sequence[str] = ()
    by: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    negatives: Sequence[PredictionTimeline] | None = None
