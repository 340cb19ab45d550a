from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from framestream_export.data.frame_cache import UNLABELLED, FrameCache, Stretch
from framestream_export.training.settings import TrainSettings
from framestream_export.training.windows import TrainingRuns, answer_ends, class_weights, gather, labels_at, row_ends

PLAIN = TrainSettings(size=16, window=8, batch_size=4, flip=False)


def make_cache(*lengths: int, labels: NDArray[np.int16] | None = None) -> FrameCache:
    """Frames whose pixels all hold their own number; one label per stretch unless given."""
    total = sum(lengths)
    frames = np.empty((total, 16, 16, 3), np.uint8)
    frames[:] = np.arange(total, dtype=np.uint8)[:, None, None, None]
    stretches, first = [], 0
    for number, length in enumerate(lengths):
        stretches.append(Stretch(number, first, first + length))
        first += length
    own = np.repeat(np.arange(len(lengths)), lengths).astype(np.int16)
    return FrameCache(frames, own if labels is None else labels, tuple(stretches), (), (), "")


def test_answers_are_asked_where_serving_gives_them() -> None:
    assert answer_ends(Stretch(0, 0, 12), PLAIN).tolist() == [7, 8, 9, 10, 11]
    assert answer_ends(Stretch(0, 0, 8), PLAIN).tolist() == [7]
    assert answer_ends(Stretch(0, 0, 3), PLAIN).tolist() == [7]  # the last frame is held: one answer
    assert answer_ends(Stretch(0, 0, 3), replace(PLAIN, kind="stateful")).tolist() == [0, 1, 2]


def test_an_answer_is_labelled_by_the_middle_of_its_window() -> None:
    labels = np.array([0] * 6 + [1] * 6, np.int16)
    cache = make_cache(12, labels=labels)
    ends = answer_ends(cache.stretches[0], PLAIN)
    assert PLAIN.anchor_frames == 4
    assert labels_at(cache, cache.stretches[0], ends, PLAIN).tolist() == labels[ends - 4].tolist() == [0, 0, 0, 1, 1]
    stateful = replace(PLAIN, kind="stateful")
    assert labels_at(cache, cache.stretches[0], np.arange(12), stateful).tolist() == labels.tolist()


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_an_answer_about_the_future_is_labelled_by_what_came(kind: str) -> None:
    settings = replace(PLAIN, kind=kind, predict_ahead_seconds=0.25)
    assert settings.anchor_frames == -3
    labels = np.array([9] * 4 + [0] * 10 + [1] * 6, np.int16)
    cache = make_cache(4, 16, labels=labels)
    ends = answer_ends(cache.stretches[1], settings)
    expected = [*([0] * 7), *([1] * 6), *([UNLABELLED] * 3)]
    assert labels_at(cache, cache.stretches[1], ends, settings).tolist() == expected[ends[0] :]
    # Not even the last frame's label, which the next recording's first frame would be.
    assert labels_at(cache, cache.stretches[0], np.array([0, 1, 3]), settings).tolist() == [9, UNLABELLED, UNLABELLED]
    short = make_cache(5)  # its only answer comes when its last frame has been held
    assert (labels_at(short, short.stretches[0], np.array([7]), settings) == UNLABELLED).all()


def test_gather_holds_the_last_frame() -> None:
    cache = make_cache(5, 4)
    assert gather(cache, cache.stretches[1], 1, 3)[:, 0, 0, 0].tolist() == [6, 7, 8]
    assert gather(cache, cache.stretches[0], 3, 5)[:, 0, 0, 0].tolist() == [3, 4, 4, 4, 4]


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_an_epoch_covers_the_data_about_once_and_follows_from_the_seed(kind: str) -> None:
    settings = replace(PLAIN, kind=kind)
    cache = make_cache(50, 70, 5, 90)
    runs = TrainingRuns(cache, cache.stretches, settings, 4)
    first, again, second = (list(runs.batches(epoch)) for epoch in (1, 1, 2))
    assert sum(len(batch.frames) for batch in first) == 3 + 4 + 1 + 6
    assert len(first) == runs.steps == 4
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.weights, other.weights)
    assert any(not np.array_equal(one.frames, other.frames) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("ahead", [0.0, 0.4])
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_rows_carry_the_label_of_their_anchor(kind: str, ahead: float) -> None:
    """Frames of one grey each: no framing changes them, light does evenly; a run is found by its ups and downs."""
    settings = replace(PLAIN, kind=kind, predict_ahead_seconds=ahead)
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(-1, 3, 15), 8).astype(np.int16)
    greys = rng.integers(80, 176, 120).astype(np.uint8)
    frames = np.broadcast_to(greys[:, None, None, None], (120, 16, 16, 3))
    cache = FrameCache(frames, labels, (Stretch(0, 0, 120),), (), (), "")
    length = settings.run_frames
    checked = 0
    for batch in TrainingRuns(cache, cache.stretches, settings, 3).batches(1):
        for run, run_labels, weights in zip(batch.frames, batch.labels, batch.weights, strict=True):
            shades = run.mean(axis=(1, 2, 3))
            correlations = [np.corrcoef(shades, greys[at : at + length])[0, 1] for at in range(121 - length)]
            start = int(np.argmax(correlations))
            assert correlations[start] > 0.99
            anchors = start + row_ends(settings) - settings.anchor_frames
            within = anchors < len(labels)
            anchors = np.minimum(anchors, len(labels) - 1)
            known = within & (labels[anchors] != UNLABELLED)
            np.testing.assert_array_equal(weights > 0, known)
            np.testing.assert_array_equal(run_labels[known], labels[anchors][known])
            checked += int(known.sum())
    assert checked > 20


def test_rows_that_serving_never_gives_weigh_nothing() -> None:
    short = make_cache(5, 12)
    settings = replace(PLAIN, batch_size=1)
    batches = list(TrainingRuns(short, short.stretches, settings, 2).batches(1))
    weights = {int(batch.labels.max()): batch.weights[0] for batch in batches}
    ends = row_ends(settings)
    assert (weights[0] > 0).tolist() == (ends == 7).tolist()
    assert (weights[1] > 0).tolist() == (ends <= 11).tolist()


def test_class_weights_balance_within_reason() -> None:
    cache = make_cache(300, 100)
    weights = class_weights(cache, cache.stretches, 2)
    assert weights[0] * 300 == pytest.approx(weights[1] * 100)
    assert (weights[0] * 300 + weights[1] * 100) / 400 == pytest.approx(1)
    rare = make_cache(5000, 1)
    ratio = class_weights(rare, rare.stretches, 2)
    assert ratio[1] / ratio[0] < 25


def test_flip_mirrors_whole_runs() -> None:
    cache = make_cache(40)
    ramp = np.broadcast_to(np.arange(16, dtype=np.uint8)[None, None, :, None] * 10, cache.frames.shape)
    cache = replace(cache, frames=np.ascontiguousarray(ramp))
    seen = set()
    for epoch in range(8):
        for batch in TrainingRuns(cache, cache.stretches, replace(PLAIN, flip=True), 1).batches(epoch):
            for run in batch.frames:
                rises = {bool(frame[0, 0, 0] < frame[0, -1, 0]) for frame in run}
                assert len(rises) == 1
                seen |= rises
    assert seen == {True, False}
