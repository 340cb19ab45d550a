"""The default model over real footage: it runs to the end, with sane times and counts. What it says is not judged."""

from itertools import pairwise
from pathlib import Path

import pytest

from framestream import Classifier, End, Event, Prediction, Start

pytestmark = pytest.mark.shared


def _check(classifier: Classifier, film: Path) -> None:
    records = list(classifier.watch(film))
    start, end = records[0], records[-1]
    assert isinstance(start, Start)
    assert isinstance(end, End)
    times = [record.pts_seconds for record in records if isinstance(record, Prediction)]
    assert times, film
    period = 1 / classifier.spec.frame_rate
    if end.gaps == 0:
        assert all(later - earlier == pytest.approx(period) for earlier, later in pairwise(times))
    assert times[0] >= 0
    assert times[-1] <= end.media_seconds + period
    assert end.frames_read == end.frames_sampled + end.frames_skipped
    assert end.frames_dropped == 0
    assert end.predictions == len(times)
    events = [record for record in records if isinstance(record, Event)]
    assert all(earlier.end_seconds <= later.start_seconds + 1e-6 for earlier, later in pairwise(events))
    assert all(0 <= event.start_seconds < event.end_seconds <= end.media_seconds + period for event in events)


def test_long_street_and_belt_videos(real_footage: Path) -> None:
    classifier = Classifier.load(device="cpu")
    films = sorted((real_footage / "intel").glob("*.mp4"))
    assert len(films) >= 3
    for film in films:
        _check(classifier, film)


def test_people_of_a_public_data_set(real_footage: Path) -> None:
    classifier = Classifier.load(device="cpu")
    films = sorted((real_footage / "weizmann4").glob("*/*.mp4"))
    assert len(films) >= 16
    for film in films:
        _check(classifier, film)
