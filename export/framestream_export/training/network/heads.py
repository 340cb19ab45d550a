"""The part of a classifier that looks at features over time: an LSTM, one in both directions, or none.

* `lstm`: the last hidden state of an LSTM over the window; for a stateful model the hidden state of every step.
* `bidirectional`: a second LSTM reads the window backwards, and both last states count. It needs the window's end
  before it can start, so there is none for stateful models.
* `mean`: the mean of the window's features, which knows nothing of their order. What an LSTM gains over it is what
  time is worth on these data.

An LSTM over a window may be given, beside the features themselves, how each differs from their mean over the window:
`centred`. What a frame shows is the same in a door that opens and one that closes; what changes is all that tells
them apart, and is small beside it. On clips that only the order of frames tells apart (`samples/render.py pairs`) it
brought the share of windows that is right from 0.87 to 0.97, together with dropping the same features in all frames.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from framestream.errors import SettingsError
from framestream_export.training.settings import TrainSettings

INPUT = "features"
LOGITS = "logits"
LSTM = "lstm"
BIDIRECTIONAL = "bidirectional"
MEAN = "mean"
FROM_MEAN = "from_mean"


def build_head(settings: TrainSettings, *, feature_dim: int, classes: int, centred: bool = False) -> Any:
    """A new head, its weights from Keras's random state.

    Args:
        settings: What to build: `kind`, `head`, `window`, `lstm_units`, `dropout`, `seed`.
        feature_dim: D, numbers a frame.
        classes: Number of classes, K.
        centred: Show an LSTM over a window the differences from the window's mean as well.

    Returns:
        A Keras model from float32 [B, window, D] to probabilities [B, K], or, stateful, [B, T, D] to [B, T, K]. Its
        last two layers are "logits" and a softmax; `without_softmax` takes that off.
    """
    window = settings.kind == "window"
    features = keras.Input((settings.window if window else None, feature_dim), name=INPUT)
    x = layers.Dropout(settings.dropout, seed=settings.seed, name="dropout")(features)
    if centred and window and settings.head != MEAN:
        mean = layers.GlobalAveragePooling1D(keepdims=True, name="window_mean")(x)
        x = layers.Concatenate(name="centred")([x, layers.Subtract(name=FROM_MEAN)([x, mean])])
    if settings.head == MEAN:
        x = layers.GlobalAveragePooling1D(name=MEAN)(x)
    elif settings.head == BIDIRECTIONAL:
        x = layers.Bidirectional(layers.LSTM(settings.lstm_units, name=LSTM), name=BIDIRECTIONAL)(x)
    else:
        x = layers.LSTM(settings.lstm_units, return_sequences=not window, name=LSTM)(x)
    # On a sequence, Dense is applied to each step: TimeDistributed(Dense) without the loop.
    logits = layers.Dense(classes, name=LOGITS)(x)
    return keras.Model(features, layers.Softmax(name="probabilities")(logits), name="head")


def is_centred(head: Any) -> bool:
    """Whether a head sees differences from the window's mean, too."""
    return any(layer.name == FROM_MEAN for layer in head.layers)


def without_softmax(head: Any) -> Any:
    """The same head on the same weights, ending in logits."""
    return keras.Model(head.input, head.get_layer(LOGITS).output, name=LOGITS)


def divide_logits(head: Any, temperature: float) -> None:
    """Make a head predict softmax(logits / temperature), by changing its last weights.

    Above 1 it becomes less sure of itself, below 1 surer; which class is likeliest stays the same.

    Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    Raises:
        SettingsError: The temperature is no positive number.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise SettingsError(f"temperature must be a number above 0, not {temperature}")
    for weight in head.get_layer(LOGITS).weights:
        weight.assign(weight / temperature)
