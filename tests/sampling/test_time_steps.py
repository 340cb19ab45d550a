"""Times that a program gives: what is none, and what is too coarse."""

import logging
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from framestream import (
    Classifier,
    EventSettings,
    LiveSettings,
    ModelSession,
    Prediction,
    PushedFrames,
    SettingsError,
    SourceInfo,
    SourceOptions,
    Zone,
)
from tests.conftest import colour_image

NO_TIMES = [
    None,
    "1.0",
    b"1",
    True,
    np.bool_(True),
    1j,
    [1.0],
    np.array([1.0, 2.0]),
    object(),
    float("nan"),
    float("inf"),
    np.float32("nan"),
    10**400,
    Decimal("NaN"),
    Decimal("sNaN"),
    "9" * 100_000,
]
TIMES = [1, 1.0, np.float32(1), np.float64(1), np.int64(1), np.array(1.0), Fraction(1), Decimal(1)]


@pytest.mark.parametrize("value", NO_TIMES, ids=lambda value: type(value).__name__)
def test_what_is_no_time_is_refused_and_changes_nothing(classifier: Classifier, value: object) -> None:
    stream = classifier.stream()
    stream.push(colour_image("red"), pts_seconds=0.0)
    with pytest.raises(SettingsError, match="pts_seconds is ") as caught:
        stream.push(colour_image("red"), pts_seconds=value)  # type: ignore[arg-type]
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    with pytest.raises(SettingsError, match="pts_seconds is "):
        PushedFrames(size_wh=(64, 48)).push(colour_image("red"), pts_seconds=value)  # type: ignore[arg-type]
    if value is not None:
        with pytest.raises(SettingsError, match="end_seconds is "):
            stream.flush(value)  # type: ignore[arg-type]
    assert stream.counts.read == 1
    assert [result.pts_seconds for result in stream.flush() if isinstance(result, Prediction)] == [0.0]


@pytest.mark.parametrize("value", TIMES, ids=lambda value: type(value).__name__)
def test_any_number_is_a_time(classifier: Classifier, value: object) -> None:
    stream = classifier.stream()
    stream.push(colour_image("red"), pts_seconds=value)  # type: ignore[arg-type]
    (prediction,) = [result for result in stream.flush(value) if isinstance(result, Prediction)]  # type: ignore[arg-type]
    assert prediction.pts_seconds == 1.0
    assert type(prediction.pts_seconds) is float


@pytest.mark.parametrize("value", [1.5, 0, -1, "2", True, float("nan"), [1]], ids=repr)
def test_counts_are_whole_numbers(classifier: Classifier, value: object) -> None:
    with pytest.raises(SettingsError, match="chunk_steps is "):
        classifier.stream(chunk_steps=value)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="capacity is "):
        PushedFrames(size_wh=(4, 4), capacity=value)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="threads is "):
        ModelSession(classifier.session.path, threads=value)  # type: ignore[arg-type]


MAKERS: dict[str, Callable[..., object]] = {
    "enter": lambda value: EventSettings(enter=value),
    "min_seconds": lambda value: EventSettings(min_seconds=value),
    "stall_seconds": lambda value: LiveSettings(stall_seconds=value),
    "image_rate": lambda value: SourceOptions(image_rate=value),
    "raw_size_wh": lambda value: SourceOptions(raw_size_wh=(value, 4)),
    "video_stream": lambda value: SourceOptions(video_stream=value),
    "size_wh": lambda value: SourceInfo(name="a", size_wh=value),
    "declared_fps": lambda value: SourceInfo(name="a", size_wh=(4, 4), declared_fps=value),
    "box": lambda value: Zone("a", 0, 0, value, 1),
}


@pytest.mark.parametrize("value", ["1", [1], True, float("nan"), 1j], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", MAKERS)
def test_settings_of_a_wrong_type_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        MAKERS[name](value)


def test_a_lag_of_a_wrong_type_is_refused(classifier: Classifier) -> None:
    for value in ("1", [1], float("nan"), 0):
        with pytest.raises(SettingsError, match="max_lag_seconds is "):
            classifier.watch_many({}, until_stopped=True, max_lag_seconds=value)  # type: ignore[arg-type]


def warnings_of(classifier: Classifier, times: list[object], caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        stream = classifier.stream()
        for seconds in times:
            stream.push(colour_image("red"), pts_seconds=seconds)  # type: ignore[arg-type]
        stream.flush()
    return caplog.messages


@pytest.mark.parametrize("start", [1.7e9, 2.0e6])
@pytest.mark.parametrize("kind", [np.float32, lambda seconds: float(np.float32(seconds))])
def test_times_that_are_too_coarse_are_told_of_once(
    classifier: Classifier, start: float, kind: Callable[[float], object], caplog: pytest.LogCaptureFixture
) -> None:
    times = [kind(start + index / 30) for index in range(90)]
    (message,) = warnings_of(classifier, times, caplog)
    assert "too coarse for 10 frames a second" in message


def test_times_that_are_fine_enough_are_not(classifier: Classifier, caplog: pytest.LogCaptureFixture) -> None:
    for times in (
        [np.float32(index / 30) for index in range(30)],
        [np.float32(5000 + index / 30) for index in range(30)],
        [1.7e9 + index / 30 for index in range(30)],
        [np.float64(1.7e9 + index / 30) for index in range(30)],
        # Two cameras of one clock, or a frame pushed twice.
        [1.7e9 + 1.01 + index / 30 for index in range(25) for _ in range(2)],
        [2.5] * 10,
    ):
        assert warnings_of(classifier, list(times), caplog) == []


def test_times_of_pushed_frames_are_told_of_too(classifier: Classifier, caplog: pytest.LogCaptureFixture) -> None:
    frames = PushedFrames(size_wh=(64, 48), capacity=100)
    for index in range(90):
        frames.push(colour_image("red"), pts_seconds=np.float32(1.7e9 + index / 30))  # type: ignore[arg-type]
    frames.end()
    with caplog.at_level(logging.WARNING):
        list(classifier.watch(frames))
    assert len(caplog.messages) == 1
