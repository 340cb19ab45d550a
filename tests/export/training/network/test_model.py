from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import onnxruntime
import pytest

from framestream.errors import DataError, SettingsError
from framestream_export.encoders.building import build_encoder
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, check_structure, streaming_model
from framestream_export.training.base_run import BaseRun
from framestream_export.training.examples.windows import row_ends
from framestream_export.training.network.sequence_model import SequenceModel
from framestream_export.training.settings import TrainSettings
from tests.export.conftest import Trained

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
LABELS = ("clap", "idle", "wave")
SMALL = TrainSettings(size=32, window=6, lstm_units=8, feature_dim=12)


def time_distributed(model: SequenceModel, *, steps: int) -> keras.Model:
    """The textbook model on the same weights: TimeDistributed(CNN) -> LSTM -> (TimeDistributed) Dense(softmax)."""
    frames = keras.Input((steps, *model.encoder.input_shape[1:]))
    x = keras.layers.TimeDistributed(model.encoder)(frames)
    x = model.head.get_layer("lstm")(x)
    trained = model.head.get_layer("logits")
    dense = keras.layers.Dense(trained.units, activation="softmax")
    outputs = dense(x) if model.kind == "window" else keras.layers.TimeDistributed(dense)(x)
    dense.set_weights(trained.get_weights())
    return keras.Model(frames, outputs)


def settle_batch_statistics(encoder: keras.Model) -> None:
    """Give random weights the batch statistics of some input; with those of none, features vanish layer by layer."""
    for layer in encoder._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    encoder(FRAMES[0].astype(np.float32), training=True)


def test_folded_form_is_time_distributed(trained: Trained) -> None:
    finished = FinishedRun.read(trained.run)
    model, frames = finished.model, finished.frames[:6]
    expected: np.ndarray
    if model.kind == "window":
        textbook = time_distributed(model, steps=model.window)
        starts = range(frames.shape[1] - model.window + 1)
        windows = [textbook(frames[:, start : start + model.window].astype(np.float32)) for start in starts]
        expected = np.stack([np.asarray(rows) for rows in windows], axis=1)
    else:
        textbook = time_distributed(model, steps=frames.shape[1])
        expected = np.asarray(textbook(frames.astype(np.float32)))
    assert expected.max() - expected.min() > 0.5
    np.testing.assert_allclose(model.predictions(frames), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_training_rows_are_the_predictions_of_the_finished_model(kind: str) -> None:
    settings = replace(SMALL, kind=kind)
    model = SequenceModel.build(settings, labels=LABELS)
    runs = FRAMES[:, : settings.run_frames]
    ends = row_ends(settings)
    logits = np.asarray(model.run_logits(runs, ends, training=False))
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    rows = model.predictions(runs)[:, ends - (settings.window - 1 if kind == "window" else 0)]
    np.testing.assert_allclose(exponentials / exponentials.sum(axis=-1, keepdims=True), rows, atol=1e-6)


def test_the_seed_fixes_the_weights() -> None:
    first, same, other = (SequenceModel.build(replace(SMALL, seed=seed), labels=LABELS) for seed in (1, 1, 2))
    assert all(
        np.array_equal(a, b) for a, b in zip(first.encoder.get_weights(), same.encoder.get_weights(), strict=True)
    )
    assert not np.array_equal(first.encoder.get_weights()[0], other.encoder.get_weights()[0])


def test_backbone_by_name_keeps_the_contract() -> None:
    """keras.applications, random weights: the graph is right and says what Keras says of every frame's features."""
    settings = replace(SMALL, encoder="mobilenetv2@0.35")
    model = SequenceModel.build(settings, labels=LABELS)
    settle_batch_statistics(model.encoder)
    encoder = convert_encoder(model.encoder, size_wh=(32, 32))
    for kind, states in (("window", ["features"]), ("stateful", ["hidden", "cell"])):
        proto = streaming_model(encoder, HeadWeights.of(model.head), GraphLayout(kind, settings.window, 32, 32))
        check_structure(proto, states=states)
    session = onnxruntime.InferenceSession(encoder.SerializeToString(), providers=["CPUExecutionProvider"])
    channels_first = np.ascontiguousarray(FRAMES[0].transpose(0, 3, 1, 2))
    (features,) = session.run(None, {encoder.graph.input[0].name: channels_first})
    expected = np.asarray(model.encoder(FRAMES[0].astype(np.float32), training=False))
    assert expected.std() > 0.01
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["small", "MobileNetV2@0.35"])
def test_encoder_starts_from_a_weights_file(tmp_path, name: str) -> None:
    source = build_encoder(name, size=32, feature_dim=12)
    saved = source if name == "small" else source.layers[-1]
    path = tmp_path / "taught.weights.h5"
    saved.save_weights(path)
    loaded = build_encoder(name, size=32, feature_dim=12, weights=str(path))
    pairs = list(zip(source.get_weights(), loaded.get_weights(), strict=True))
    assert len(pairs) > 20
    assert all(np.array_equal(*pair) for pair in pairs)
    frozen = build_encoder(name, size=32, feature_dim=12, weights=str(path), freeze=True)
    assert frozen.trainable_variables == []
    before = [weight.copy() for weight in frozen.get_weights()]
    frozen(FRAMES[0].astype(np.float32), training=True)
    assert all(np.array_equal(*pair) for pair in zip(before, frozen.get_weights(), strict=True))


def test_named_weights_win_over_folders_of_that_name(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").mkdir()
    (tmp_path / "people").mkdir()
    build_encoder("small", size=32, feature_dim=12, weights="none")
    assert not SequenceModel.build(replace(SMALL, weights="none"), labels=LABELS).head_taken
    assert BaseRun.of("People") is None
    with pytest.raises(DataError, match="people is not a training run"):
        BaseRun.of("./people")


def test_restored_encoder_is_built_without_its_first_weights() -> None:
    encoder = build_encoder("small", size=32, feature_dim=12, weights="gone.h5", freeze=True, restored=True)
    assert encoder.trainable_variables == []


def test_weights_that_do_not_fit(tmp_path) -> None:
    path = tmp_path / "other.weights.h5"
    build_encoder("small", size=32, feature_dim=12).save_weights(path)
    for name, feature_dim in (("small", 16), ("mobilenetv2@0.35", 12)):
        with pytest.raises(DataError, match=r"other\.weights\.h5 does not hold the weights of this"):
            build_encoder(name, size=32, feature_dim=feature_dim, weights=str(path))
    not_weights = tmp_path / "text.weights.h5"
    not_weights.write_text("not HDF5")
    with pytest.raises(DataError, match="does not hold the weights"):
        build_encoder("small", size=32, feature_dim=12, weights=str(not_weights))
    with pytest.raises(DataError, match="no weights file"):
        build_encoder("small", size=32, feature_dim=12, weights=str(tmp_path / "gone.h5"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "ResNet9000"}, "no encoder 'ResNet9000'; known are small, EfficientNetLite0, MoveNetLightning, Mob"),
        ({"name": "EfficientNetB0@0.5"}, "EfficientNetB0 has no width multiplier"),
        ({"name": "MobileNet@wide"}, "'wide' in 'MobileNet@wide' is not a number"),
        ({"name": "small", "weights": "imagenet"}, "no imagenet weights for small"),
        ({"name": "small", "freeze": True}, "random weights leaves nothing"),
    ],
)
def test_encoder_settings_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_encoder(size=32, feature_dim=12, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "gru"), ("window", 1), ("size", 8), ("frame_rate", 0), ("dropout", 1.0), ("epochs", 0), ("seed", -1)],
)
def test_settings_out_of_range(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*{value}"):
        TrainSettings(**{name: value})  # type: ignore[arg-type]


def test_a_model_can_start_from_a_finished_run(trained: Trained) -> None:
    finished = FinishedRun.read(trained.run)
    frames = finished.frames[:4]
    settings, labels = replace(finished.settings, weights=str(trained.run)), finished.record["labels"]
    again = SequenceModel.build(settings, labels=labels)
    assert again.head_taken
    np.testing.assert_allclose(again.predictions(frames), finished.model.predictions(frames), atol=1e-5)
    # Of the same shape, but the predictions mean something else.
    for others in (labels[::-1], LABELS):
        assert not SequenceModel.build(settings, labels=others).head_taken
    assert not SequenceModel.build(replace(settings, lstm_units=5), labels=labels).head_taken
    more_classes = SequenceModel.build(settings, labels=[*labels, "run", "walk"])
    assert more_classes.predictions(frames).shape[-1] == 5
    assert not more_classes.head_taken
    encode = [np.asarray(model.encoder(frames[0].astype(np.float32))) for model in (more_classes, finished.model)]
    np.testing.assert_allclose(*encode, atol=1e-5)
