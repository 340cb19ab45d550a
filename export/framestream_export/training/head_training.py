"""Training heads on the features of a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framestream_export.data.frame_cache import FrameSegment
from framestream_export.training.context import TIME_LIMIT, TrainContext
from framestream_export.training.evaluator import Evaluator
from framestream_export.training.examples.batches import (
    Examples,
    augmentations_of,
    feature_examples,
    fill_augmentations,
)
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.examples.runs import RunPlan
from framestream_export.training.examples.windows import FEATURE_ROW_HOP, ROW_HOP, class_weights
from framestream_export.training.network.projection import describe_bodies
from framestream_export.training.network.sequence_model import FeatureStatistics, HeadNetwork, unweigh_classes
from framestream_export.training.settings import TrainSettings
from framestream_export.training.trainer import Stage, Trainer


class HeadTraining:
    """Trains heads on the features of one encoder."""

    def __init__(self, context: TrainContext, settings: TrainSettings, store: FeatureStore) -> None:
        """Encode what is not encoded yet; `settings` may ask for another head than the context's."""
        self._context, self._settings, self._store = context, settings, store
        data = context.data
        self._train = data.segments("train")
        self._all = [*self._train, *data.segments("validation")]
        # Joints are augmented as they are read.
        self._copies = 0 if store.keypoints else settings.augmentations
        self._augmentations = augmentations_of(
            data.cache, self._all, settings, context.background_frames(), count=self._copies
        )
        encoded = fill_augmentations(store, self._augmentations, console=context.console)
        tested = {segment.recording for segment in data.segments("test")}
        encoded += store.fill([FeatureRequest(recording, 0) for recording in sorted(tested)], console=context.console)
        if encoded:
            context.say(f"{encoded} frames encoded, training clips in {self._copies + 1} versions each")
        self.class_weights = class_weights(data.cache, self._train, data.classes)
        projected = store.keypoints or store.feature_dim > settings.feature_dim
        self._statistics = _statistics(store, self._train) if projected else None

    def run(self, name: str, first_head: Path | None = None) -> tuple[HeadNetwork, bool, str]:
        """Train a head; returns it, whether it started from that in `first_head`, and why training stopped."""
        head, taken = self._new(first_head)
        context, settings = self._context, self._settings
        validation = context.data.segments("validation")
        evaluator = Evaluator(head, self._store, context.data.cache, settings)
        stage = Stage(name, settings.epochs, settings.learning_rate, settings.patience, on_features=True)
        trainer = Trainer(
            head,
            self._examples(self._train),
            stage,
            settings,
            self.class_weights,
            lambda: evaluator.predictions(validation, hop=ROW_HOP),
        )
        stopped = context.run(trainer)
        unweigh_classes(head, self.class_weights)
        return head, taken, stopped

    def refit(self, name: str, first_head: Path | None = None) -> HeadNetwork | None:
        """Train a head once more, on validation clips as well, for as many epochs as were best in stage `name`.

        None if there is no time for all of them.

        Few clips are too few to keep some from training for good, and what had to be learnt from them, when to stop,
        is known. But a handful of clips is all right after a few epochs, when the head could still become surer of
        what it does: a quarter of all epochs is the least. Joints are augmented anew each time, so that a head does not
        learn them by heart: there it is all epochs.
        """
        head, _ = self._new(first_head)
        context, settings = self._context, self._settings
        if context.time_limit.is_up():
            return None
        history = context.histories[name]
        least = settings.epochs if self._store.keypoints else settings.epochs // 4
        epochs = max(history.best_epoch, least)
        after = f"{name} {history.best_epoch} of {len(history.epochs)}"
        stage = Stage(f"{name}-refit", epochs, settings.learning_rate, epochs, after, on_features=True)
        weights = class_weights(context.data.cache, self._all, context.data.classes)
        stopped = context.run(Trainer(head, self._examples(self._all), stage, settings, weights))
        unweigh_classes(head, weights)
        return None if stopped == TIME_LIMIT else head

    def _new(self, first_head: Path | None) -> tuple[HeadNetwork, bool]:
        labels = self._context.data.dataset.labels
        return HeadNetwork.build(
            self._settings,
            feature_dim=self._store.feature_dim,
            labels=labels,
            first_head=first_head,
            statistics=self._statistics,
            keypoints=self._store.keypoints,
        )

    def _examples(self, segments: Sequence[FrameSegment]) -> Examples:
        data, settings = self._context.data, self._settings
        # An epoch goes through the clips once as they are and once in every augmentation.
        plan = RunPlan(
            data.cache, segments, settings, data.classes, draws=settings.augmentations + 1, hop=FEATURE_ROW_HOP
        )
        return feature_examples(plan, self._store, settings, self._augmentations)


def _statistics(store: FeatureStore, segments: Sequence[FrameSegment]) -> FeatureStatistics:
    """Mean and deviation of each feature, over all frames of some segments as they are; of joints, of their bodies."""
    count, sums, squares = 0, np.zeros(1), np.zeros(1)
    for segment in segments:
        features = store.of_segment(segment)
        features = (describe_bodies(features) if store.keypoints else features).astype(np.float64)
        count += len(features)
        sums = sums + features.sum(axis=0)
        squares = squares + np.square(features).sum(axis=0)
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
    return mean.astype(np.float32), deviation.astype(np.float32)
