"""The way from first weights to a finished classifier, stage by stage.

An encoder that starts from weights stays as it is at first: its features are computed once, of every clip and of a few
augmented copies of it, and the head is trained on them in seconds (stage "head"). Then either the head is trained again
on train and validation clips together, for as many epochs as were best ("refit"), or the encoder's last blocks are
trained with it on frames ("fine-tune"). An encoder that starts from nothing is trained with the head from the start
("network"). In the end a head that ignores the order of frames is trained on the same features ("baseline"), and a
linear model is fitted to them, so that the report can compare the first head with both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from framestream_export.encoders.blocks import thaw_last_blocks
from framestream_export.files import writing
from framestream_export.measures.calibration import fit_temperature, tempered_timelines
from framestream_export.measures.labelled import LabelledPredictions
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.run_folder import ENCODER_FILE
from framestream_export.time_limit import TimeLimitError
from framestream_export.training.context import TIME_LIMIT, TrainContext
from framestream_export.training.evaluator import EncodedFrames, Evaluator, Features
from framestream_export.training.examples.batches import frame_examples
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.examples.runs import RunPlan
from framestream_export.training.examples.windows import ROW_HOP, class_weights
from framestream_export.training.head_training import HeadTraining
from framestream_export.training.linear_head import fit_linear_head
from framestream_export.training.mixed_precision import TrainingCopy
from framestream_export.training.network.heads import MEAN, divide_logits
from framestream_export.training.network.sequence_model import (
    HeadNetwork,
    SequenceModel,
    first_encoder,
    load_part,
    unweigh_classes,
    weigh_classes,
)
from framestream_export.training.settings import TrainSettings
from framestream_export.training.trainer import Stage, Trainer

_FINE_TUNE_SLOWER = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of training.

    Attributes:
        model: The classifier, its scores calibrated.
        temperature: The number that the model's logits were divided by.
        stage: The main stage of training, which gave the model that is tested: "head", "fine-tune" or "network".
        stopped: Why the main stage ended.
        head_taken: Whether the head started from that of another run.
        test: Timelines of the model's predictions about the test clips.
        validation: Timelines of calibrated predictions about the validation clips, from before the model was trained on
            these, too.
        baseline: Timelines of the test clips by the head that does not use the order of frames; None if the model has
            that head itself.
        linear: Timelines of the test clips by a linear model of windows. There was no time for what is missing of the
            two where the run stopped by its time limit.
    """

    model: SequenceModel
    temperature: float
    stage: str
    stopped: str
    head_taken: bool
    test: list[PredictionTimeline]
    validation: list[PredictionTimeline]
    baseline: list[PredictionTimeline] | None
    linear: list[PredictionTimeline] | None


@dataclass(frozen=True, slots=True)
class _Trained:
    """A classifier that is trained but not calibrated; its head once more, as it works on `features`."""

    model: SequenceModel
    head: HeadNetwork
    features: Features
    validation: list[PredictionTimeline]
    stage: str
    stopped: str


def follow(context: TrainContext) -> Outcome:
    """Train a run's classifier, or carry on with it.

    Args:
        context: Data, settings and devices of the training.

    Raises:
        SettingsError: Training diverges, or what it writes cannot be written.
        DataError: Checkpoints or features are damaged.
    """
    trained = _two_stages(context) if context.settings.two_stage else _whole_network(context)
    temperature = fit_temperature(trained.validation)
    divide_logits(trained.model.head, temperature)
    test = _timelines(context, trained.head, trained.features, "test")
    store, stopped = _feature_store(context, trained), trained.stopped
    baseline = linear = None
    try:
        context.time_limit.check("there is one")
        baseline = _baseline(context, store)
        linear = _linear(context, store)
    except TimeLimitError:
        stopped = TIME_LIMIT
    if stopped == TIME_LIMIT:
        context.say(_left_out(trained, baseline=baseline is not None, linear=linear is not None))
    return Outcome(
        trained.model,
        temperature,
        trained.stage,
        stopped,
        trained.model.head_taken,
        test,
        tempered_timelines(trained.validation, temperature),
        baseline,
        linear,
    )


def _two_stages(context: TrainContext) -> _Trained:
    settings, encoder = context.settings, _first_encoder(context)
    store = _store(context, encoder)
    training = HeadTraining(context, settings, store)
    head, taken, stopped = training.run("head", context.first_head)
    validation = _timelines(context, head, store, "validation")
    trained = _Trained(SequenceModel.of(encoder, head, head_taken=taken), head, store, validation, "head", stopped)
    if context.time_limit.is_up():
        return replace(trained, stopped=TIME_LIMIT)
    if settings.fine_tune:
        return _fine_tuned(context, trained, encoder, training.class_weights)
    refitted = training.refit("head", context.first_head)
    if refitted is None:
        return replace(trained, stopped=TIME_LIMIT)
    model = SequenceModel.of(encoder, refitted, head_taken=taken)
    return _Trained(model, refitted, store, validation, "head", stopped)


def _fine_tuned(context: TrainContext, trained: _Trained, encoder: Any, weights: NDArray[np.float32]) -> _Trained:
    """Train the last blocks of `encoder`, a part of the model's, with all that comes after them, if that helps."""
    settings, model, before = context.settings, trained.model, context.histories["head"]
    parts = (model.encoder, model.head)
    as_trained = [part.get_weights() for part in parts]
    thaw_last_blocks(encoder, settings.fine_tune)
    rate = settings.learning_rate / _FINE_TUNE_SLOWER
    after = f"head {before.best_epoch} of {len(before.epochs)}"
    weigh_classes(model.recurrent, weights)
    stage = Stage("fine-tune", settings.fine_tune_epochs, rate, settings.patience, after)
    stopped = _train_network(context, model, stage)
    if context.histories["fine-tune"].best_loss < before.best_loss:
        features = EncodedFrames(model.encoder, context.data.cache, size=settings.size)
        validation = _timelines(context, model.recurrent, features, "validation")
        return _Trained(model, model.recurrent, features, validation, "fine-tune", stopped)
    context.say("fine-tuning did not lower the validation loss: the model stays as it was")
    for part, weights_before in zip(parts, as_trained, strict=True):
        part.set_weights(weights_before)
    return trained


def _whole_network(context: TrainContext) -> _Trained:
    settings, data = context.settings, context.data
    encoder = _first_encoder(context)
    encoder.trainable = True
    part, taken = HeadNetwork.build(
        settings, feature_dim=encoder.output_shape[-1], labels=data.dataset.labels, first_head=context.first_head
    )
    model = SequenceModel.of(encoder, part, head_taken=taken)
    stage = Stage("network", settings.epochs, settings.learning_rate, settings.patience)
    stopped = _train_network(context, model, stage)
    features = EncodedFrames(model.encoder, data.cache, size=settings.size)
    validation = _timelines(context, model.recurrent, features, "validation")
    return _Trained(model, model.recurrent, features, validation, "network", stopped)


def _train_network(context: TrainContext, model: SequenceModel, stage: Stage) -> str:
    """Train encoder and head together on frames, the best epoch last; returns why it stopped."""
    settings, data = context.settings, context.data
    train = data.segments("train")
    weights = class_weights(data.cache, train, data.classes)
    plan = RunPlan(data.cache, train, settings, data.classes)
    examples = frame_examples(plan, data.cache, settings, context.background_frames())
    features = EncodedFrames(model.encoder, data.cache, size=settings.size)
    evaluator = Evaluator(model.recurrent, features, data.cache, settings)
    validation = data.segments("validation")
    copy = TrainingCopy(model, context.devices)

    def validate() -> LabelledPredictions:
        copy.give_back()
        return evaluator.predictions(validation, hop=ROW_HOP)

    trainer = Trainer(copy.network, examples, stage, settings, weights, validate, devices=context.devices)
    stopped = context.run(trainer)
    copy.give_back()
    unweigh_classes(model.recurrent, weights)
    return stopped


def _feature_store(context: TrainContext, trained: _Trained) -> FeatureStore:
    """The features that the model's encoder makes of the clips; those of one that was trained are not encoded yet."""
    if isinstance(trained.features, FeatureStore):
        return trained.features
    return _store(context, trained.model.encoder)


def _store(context: TrainContext, encoder: Any) -> FeatureStore:
    return FeatureStore(encoder, context.data.cache, context.features, context.settings, time_limit=context.time_limit)


def _left_out(trained: _Trained, *, baseline: bool, linear: bool) -> str:
    """A sentence for whoever set a time limit that is up."""
    missing = [
        *(() if baseline else ("the same without the order of frames",)),
        *(() if linear else ("a linear model",)),
    ]
    compared = f", and not compared with {' and '.join(missing)}" if missing else ""
    return (
        f"the time is up: the model is the best of stage {trained.stage} so far{compared}; it is measured and written"
        " now, and the same command with --resume goes on from there"
    )


def _baseline(context: TrainContext, store: FeatureStore) -> list[PredictionTimeline] | None:
    """What a head that takes the mean of a window's features says of the test clips; trained as heads are."""
    if context.settings.head == MEAN:
        return None
    settings = replace(context.settings, kind="window", head=MEAN)
    training = HeadTraining(context, settings, store)
    head, _, stopped = training.run("baseline")
    if stopped == TIME_LIMIT:
        raise TimeLimitError("the baseline is not trained")
    temperature = fit_temperature(_timelines(context, head, store, "validation", settings))
    if context.settings.two_stage and not context.settings.fine_tune:
        refitted = training.refit("baseline")
        if refitted is None:
            raise TimeLimitError("the baseline is not trained once more")
        head = refitted
    divide_logits(head.head, temperature)
    return _timelines(context, head, store, "test", settings)


def _linear(context: TrainContext, store: FeatureStore) -> list[PredictionTimeline]:
    """What a linear model of windows, fitted to the same clips, says of the test clips."""
    data = context.data
    used = sorted({segment.recording for segment in data.cache.segments})
    store.fill([FeatureRequest(recording, 0) for recording in used], console=context.console)
    settings = replace(context.settings, kind="window", head=MEAN)
    first = fit_linear_head(data, settings, store, splits=("train",))
    temperature = fit_temperature(_timelines(context, first, store, "validation", settings))
    head = fit_linear_head(data, settings, store, splits=("train", "validation"))
    divide_logits(head.head, temperature)
    return _timelines(context, head, store, "test", settings)


def _first_encoder(context: TrainContext) -> Any:
    """The encoder that the run starts with, kept with it, whatever becomes of where it came from.

    Always as it is read from its file, where layers may be in another order than as they were built: checkpoints hold
    weights by their order.
    """
    path = context.folder.checkpoints / ENCODER_FILE
    if not path.is_file():
        partial = path.with_name(f"part.{ENCODER_FILE}")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.set_random_seed(context.settings.seed)
            first_encoder(context.settings).save(partial)
            partial.replace(path)
    encoder = load_part(path)
    encoder.trainable = not context.settings.two_stage
    return encoder


def _timelines(
    context: TrainContext, head: HeadNetwork, features: Features, split: str, settings: TrainSettings | None = None
) -> list[PredictionTimeline]:
    evaluator = Evaluator(head, features, context.data.cache, settings or context.settings)
    return evaluator.timelines(context.data.segments(split))
