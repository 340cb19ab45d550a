from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from framestream_export.data.frame_cache import UNLABELLED, FrameSegment
from framestream_export.training.examples.windows import class_weights, gather, labels_at, prediction_ends
from framestream_export.training.settings import TrainSettings
from tests.export.numbered_frames import make_cache

PLAIN = TrainSettings(size=16, window=8, batch_size=4, flip=False)


def test_predictions_are_asked_where_serving_gives_them() -> None:
    assert prediction_ends(FrameSegment(0, 0, 12), PLAIN).tolist() == [7, 8, 9, 10, 11]
    assert prediction_ends(FrameSegment(0, 0, 8), PLAIN).tolist() == [7]
    assert prediction_ends(FrameSegment(0, 0, 3), PLAIN).tolist() == [7]  # the last frame is held: one prediction
    assert prediction_ends(FrameSegment(0, 0, 3), replace(PLAIN, kind="stateful")).tolist() == [0, 1, 2]


def test_a_prediction_is_labelled_by_the_middle_of_its_window() -> None:
    labels = np.array([0] * 6 + [1] * 6, np.int16)
    cache = make_cache(12, labels=labels)
    ends = prediction_ends(cache.segments[0], PLAIN)
    assert PLAIN.anchor_frames == 4
    assert labels_at(cache, cache.segments[0], ends, PLAIN).tolist() == labels[ends - 4].tolist() == [0, 0, 0, 1, 1]
    stateful = replace(PLAIN, kind="stateful")
    assert labels_at(cache, cache.segments[0], np.arange(12), stateful).tolist() == labels.tolist()


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_a_prediction_about_the_future_is_labelled_by_what_came(kind: str) -> None:
    settings = replace(PLAIN, kind=kind, predict_ahead_seconds=0.25)
    assert settings.anchor_frames == -3
    labels = np.array([9] * 4 + [0] * 10 + [1] * 6, np.int16)
    cache = make_cache(4, 16, labels=labels)
    ends = prediction_ends(cache.segments[1], settings)
    expected = [*([0] * 7), *([1] * 6), *([UNLABELLED] * 3)]
    assert labels_at(cache, cache.segments[1], ends, settings).tolist() == expected[ends[0] :]
    # Not even the last frame's label, which the next recording's first frame would be.
    assert labels_at(cache, cache.segments[0], np.array([0, 1, 3]), settings).tolist() == [9, UNLABELLED, UNLABELLED]
    short = make_cache(5)  # its only prediction comes when its last frame has been held
    assert (labels_at(short, short.segments[0], np.array([7]), settings) == UNLABELLED).all()


def test_gather_holds_the_last_frame() -> None:
    cache = make_cache(5, 4)
    assert gather(cache, cache.segments[1], 1, 3)[:, 0, 0, 0].tolist() == [6, 7, 8]
    assert gather(cache, cache.segments[0], 3, 5)[:, 0, 0, 0].tolist() == [3, 4, 4, 4, 4]


def test_class_weights_balance_within_reason() -> None:
    cache = make_cache(300, 100)
    weights = class_weights(cache, cache.segments, 2)
    assert weights[0] * 300 == pytest.approx(weights[1] * 100)
    assert (weights[0] * 300 + weights[1] * 100) / 400 == pytest.approx(1)
    rare = make_cache(5000, 1)
    ratio = class_weights(rare, rare.segments, 2)
    assert ratio[1] / ratio[0] < 25
