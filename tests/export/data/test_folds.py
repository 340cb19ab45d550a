from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framestream.errors import DataError
from framestream_export.data.folds import LEAVE_ONE_OUT, fold_recordings
from framestream_export.data.footage import Recording, Segment

LABELS = ("bend", "wave")


def recordings_of(groups: list[tuple[str, str]]) -> tuple[list[Recording], np.ndarray]:
    """One recording a (group, label), 30 labelled frames each."""
    recordings, counts = [], np.zeros((len(groups), len(LABELS)), np.int64)
    for number, (group, label) in enumerate(groups):
        name = f"{number}.mp4"
        recordings.append(Recording(Path(name), name, (Segment(0.0, math.inf, label),), group))
        counts[number, LABELS.index(label)] = 30
    return recordings, counts


@given(st.integers(3, 12), st.integers(1, 3), st.integers(0, 5), st.data())
def test_every_recording_is_tested_once_and_no_group_is_divided(
    people: int, clips: int, seed: int, data: st.DataObject
) -> None:
    groups = [(f"p{person}", label) for person in range(people) for label in LABELS for _ in range(clips)]
    recordings, counts = recordings_of(groups)
    # With two folds of three people, one of them leaves a single person, who cannot be both trained and validated on.
    folds = data.draw(st.sampled_from([LEAVE_ONE_OUT, *range(2 if people > 3 else 3, people + 1)]))
    divided = fold_recordings(recordings, counts, LABELS, folds=folds, seed=seed)
    assert len(divided) == (people if folds == LEAVE_ONE_OUT else folds)
    assert Counter(index for splits in divided for index in splits.test) == Counter(range(len(groups)))
    for splits in divided:
        parts = [{recordings[index].group for index in part} for part in (splits.train, splits.validation, splits.test)]
        assert all(parts)
        assert sum(map(len, parts)) == people
        assert sorted((*splits.train, *splits.validation, *splits.test)) == list(range(len(groups)))
    sizes = [len({recordings[index].group for index in splits.test}) for splits in divided]
    assert max(sizes) - min(sizes) <= 1


def test_what_cannot_be_divided_is_said() -> None:
    recordings, counts = recordings_of([(group, label) for group in "abc" for label in LABELS])
    with pytest.raises(DataError, match="4 folds of 3 groups of clips: give --folds 2 to 3, or all"):
        fold_recordings(recordings, counts, LABELS, folds=4, seed=0)
    recordings, counts = recordings_of([("a", label) for label in LABELS])
    with pytest.raises(DataError, match="all clips are of one group"):
        fold_recordings(recordings, counts, LABELS, folds=LEAVE_ONE_OUT, seed=0)
    recordings, counts = recordings_of([("a", "bend"), ("b", "bend"), ("c", "wave")])
    with pytest.raises(DataError, match=r"fold \d of 3: no clip to train on for wave"):
        fold_recordings(recordings, counts, LABELS, folds=3, seed=0)
