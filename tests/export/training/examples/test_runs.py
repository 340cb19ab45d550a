"""Which frames and labels a training example has, whatever speed it is played at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream_export.data.frame_cache import UNLABELLED, FrameSegment
from framestream_export.training.examples.runs import FASTEST, Paced, RunPlan
from framestream_export.training.examples.windows import row_ends
from framestream_export.training.settings import TrainSettings
from tests.export.numbered_frames import make_cache

PLAIN = TrainSettings(size=16, window=8, batch_size=4, flip=False)


@given(st.integers(1, 300), st.floats(1 / FASTEST, FASTEST))
def test_another_speed_keeps_first_frame_order_and_duration(length: int, pace: float) -> None:
    paced = Paced.of(FrameSegment(0, 10, 10 + length), pace)
    positions = paced.positions
    assert positions[0] == 0
    assert (np.diff(positions) >= 0).all()
    assert (np.diff(positions) <= 2).all()
    assert length - 1.5 - pace <= positions[-1] <= length - 1
    assert abs(len(paced) - length / pace) <= 1 + 1 / pace
    held = paced.frames_at(np.array([len(paced), len(paced) + 7]))
    assert set(held.tolist()) == {10 + int(positions[-1])}


@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_an_epoch_covers_the_data_about_once_and_follows_from_the_seed(kind: str) -> None:
    settings = replace(PLAIN, kind=kind)
    cache = make_cache(50, 70, 5, 90)
    plan = RunPlan(cache, cache.segments, settings, 4)
    first, again, second = ([run for _, runs in plan.batches(epoch) for run in runs] for epoch in (1, 1, 2))
    assert len(first) == 3 + 4 + 1 + 6
    assert plan.steps == 4
    assert all(np.array_equal(one.indices, other.indices) for one, other in zip(first, again, strict=True))
    assert any(not np.array_equal(one.indices, other.indices) for one, other in zip(first, second, strict=True))
    often = RunPlan(cache, cache.segments, settings, 4, draws=3)
    runs = [run for _, runs in often.batches(1) for run in runs]
    assert len(runs) == 3 * len(first)
    seen = np.unique(np.concatenate([run.indices for run in runs]))
    assert len(seen) > 0.9 * len(cache.frames)


@pytest.mark.parametrize("ahead", [0.0, 0.4])
@pytest.mark.parametrize("kind", ["window", "stateful"])
def test_rows_carry_the_label_of_their_anchor(kind: str, ahead: float) -> None:
    settings = replace(PLAIN, kind=kind, predict_ahead_seconds=ahead)
    rng = np.random.default_rng(0)
    cache = make_cache(120, labels=np.repeat(rng.integers(-1, 3, 15), 8).astype(np.int16))
    plan = RunPlan(cache, cache.segments, settings, 3, draws=4)
    checked = paced = 0
    for epoch in range(4):
        for run in (run for _, runs in plan.batches(epoch) for run in runs):
            paced += not (np.diff(run.indices) == 1).all()
            for row, end in enumerate(row_ends(settings)):
                anchor = int(end) - settings.anchor_frames
                if anchor < len(run.indices):  # shown in the run itself, unless that was over before
                    places = {int(run.indices[anchor])}
                    over = run.indices[-1] == run.indices[-3]
                else:  # about what comes after it, nobody sees how fast
                    first, reach = int(run.indices[0]), np.array([anchor / FASTEST - 1, anchor * FASTEST + 1])
                    earliest, latest = first + np.rint(reach).astype(int)
                    places, over = set(range(earliest, latest + 1)), latest >= 120
                allowed = {int(cache.labels[min(place, 119)]) for place in places}
                if over:
                    continue
                if run.weights[row] > 0:
                    assert int(run.labels[row]) in allowed
                    checked += len(allowed) == 1
                else:
                    assert UNLABELLED in allowed
    assert checked > 100
    assert paced > 10


def test_rows_that_serving_never_gives_weigh_nothing() -> None:
    short = make_cache(5, 12)
    plan = RunPlan(short, short.segments, replace(PLAIN, batch_size=1), 2, draws=20)
    ends = row_ends(PLAIN)
    for _, (run,) in plan.batches(1):
        last = int(run.indices[-1]) - run.segment.start
        shown = int(np.argmax(run.indices == run.indices[-1]))  # position of the last frame that is not held
        if last < len(run.segment) - 1:
            continue
        predicted = ends[run.weights > 0]
        if run.segment.recording == 0:  # shorter than the window: one prediction, after its last frame was held
            assert predicted.tolist() == [7]
        else:
            assert (predicted <= max(shown, 7)).all()
            assert len(predicted)
