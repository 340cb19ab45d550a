"""Which thresholds turn predictions into events best, found on recordings that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from framestream.model.spec import EventSettings
from framestream_export.measures.labelled import segments_of
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.measures.prediction_timing import PredictionTiming
from framestream_export.measures.untrimmed import measure_streaming

# The first decides, the second among what the first finds as good.
_AIMS = (0.25, 0.5)
_ENTERS = tuple(round(0.3 + 0.05 * step, 2) for step in range(14))
_LEAVE_SHARES = (0.35, 0.5, 0.65, 0.8, 1.0)
_SMOOTHING_SECONDS = (0.0, 0.3, 0.6, 1.0)
_MIN_SECONDS = (0.0, 0.5, 1.0)
_AS_GOOD = 0.01
_MOST_PREDICTIONS = 15_000
_LOWEST_ENTER, _HIGHEST_ENTER = 0.4, 0.9
_LEAVE_SHARE = 2 / 3


@dataclass(frozen=True, slots=True)
class SuggestedEvents:
    """Event settings, and where they come from.

    Attributes:
        settings: The suggested settings.
        origin: "untrimmed", "clips" or "default".
        reason: How the settings were found, as a sentence.
        f1: Event F1 at an overlap of 0.25 that they reach on the recordings they were chosen on; None for clips.
    """

    settings: EventSettings
    origin: str
    reason: str
    f1: float | None = None


def suggest_event_settings(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    *,
    background: str | None,
    timing: PredictionTiming,
    default: EventSettings | None = None,
) -> SuggestedEvents:
    """Choose event settings on validation recordings, whose predictions follow each other at the frame rate.

    With untrimmed recordings: those with the best event F1 at an overlap of 0.25, and among these at 0.5. `enter` and
    `leave` are chosen together, then smoothing and the least duration, which stay as they are unless others are better
    by more than a hundredth; if they change, the thresholds are chosen anew. Many thresholds are as good as the best on
    the few events there are: the one that has most as-good ones around it on all sides is taken, because at the edge of
    a plateau a little less light is enough to fall off.

    With trimmed clips only there is no time between events, and clips joined to a film would be made-up time. Then
    `enter` is what separates true labels from wrong ones best: of each clip, the highest smoothed score of its own
    label (if that can be an event) and that of any other are taken; `enter` is the middle of where the share of clips
    whose own label gets that far, less the share where a wrong one does, is highest (Youden's index, "Index for rating
    diagnostic tests", Cancer 3, 1950). `leave` is two thirds of it, as in the defaults; the rest stays.
    """
    base = default or EventSettings()
    untrimmed = [timeline for timeline in timelines if timeline.recording.fill_background and len(timeline.pts_seconds)]
    if untrimmed:
        chosen = _from_events(_some(untrimmed), labels, background=background, timing=timing, base=base)
        if chosen is not None:
            return chosen
    return _from_clips(timelines, labels, background=background, timing=timing, base=base)


def _from_events(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    *,
    background: str | None,
    timing: PredictionTiming,
    base: EventSettings,
) -> SuggestedEvents | None:
    def scores(settings: EventSettings) -> tuple[float, ...]:
        figures = measure_streaming(timelines, labels, background=background, settings=settings, timing=timing)
        counts = [figures.events[least][None] if figures else None for least in _AIMS]
        return tuple((one.f1 or 0.0) if one and one.true else 0.0 for one in counts)

    def best_thresholds(steady: EventSettings) -> tuple[int, int, float]:
        grid = np.array([[scores(_with(steady, enter, share)) for share in _LEAVE_SHARES] for enter in _ENTERS])
        row, column = middle_of_plateau(_as_good(grid))
        return row, column, float(grid[row, column, 0])

    row, column, f1 = best_thresholds(base)
    # The default comes first among them: it is left only for something better.
    steadiness = list(_steadiness(base))
    tried = [scores(_with(steady, _ENTERS[row], _LEAVE_SHARES[column])) for steady in steadiness]
    steady = steadiness[int(_as_good(np.array(tried)).argmax())]
    if steady != base:
        base = steady
        row, column, f1 = best_thresholds(base)
    if not f1 > 0:
        return None
    chosen = _with(base, _ENTERS[row], _LEAVE_SHARES[column])
    count = "recording" if len(timelines) == 1 else "recordings"
    chosen_on = f"{len(timelines)} untrimmed {count}"
    reason = f"chosen on {chosen_on} by event F1 at an overlap of {_AIMS[0]:g}, which is {f1:.2f} there"
    return SuggestedEvents(chosen, "untrimmed", reason, f1)


def _as_good(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of the scores [..., aims] are as good as the best."""
    good = np.ones(scores.shape[:-1], bool)
    for aim in range(scores.shape[-1]):
        good &= scores[..., aim] >= scores[good][:, aim].max() - _AS_GOOD
    return good


def _steadiness(base: EventSettings) -> Iterator[EventSettings]:
    yield base
    for smoothing in _SMOOTHING_SECONDS:
        for least in _MIN_SECONDS:
            yield replace(base, smoothing_seconds=smoothing, min_seconds=least)


def _with(base: EventSettings, enter: float, leave_share: float) -> EventSettings:
    return replace(base, enter=enter, leave=round(enter * leave_share, 2))


def middle_of_plateau(good: NDArray[np.bool_]) -> tuple[int, int]:
    """Find the cell of a grid [rows, columns] that is farthest from everything that is not good, the border included.

    Of several cells that are equally far, that nearest to their middle is taken.
    """
    padded = np.pad(good, 1)
    depth = np.zeros(good.shape, np.int64)
    current = padded
    while current.any():
        depth += current[1:-1, 1:-1]
        # A cell stays only if it and its eight neighbours were there.
        inner = np.ones_like(good)
        for down in range(3):
            for across in range(3):
                inner &= current[down : down + good.shape[0], across : across + good.shape[1]]
        current = np.pad(inner, 1)
    deepest = np.argwhere(depth == depth.max())
    distances = np.linalg.norm(deepest - deepest.mean(axis=0), axis=1)
    row, column = deepest[int(distances.argmin())]
    return int(row), int(column)


def _from_clips(
    timelines: Sequence[PredictionTimeline],
    labels: Sequence[str],
    *,
    background: str | None,
    timing: PredictionTiming,
    base: EventSettings,
) -> SuggestedEvents:
    silent = labels.index(background) if background is not None else None
    own, wrong = [], []
    rows = max(1, round(base.smoothing_seconds * timing.frame_rate))
    for segment in segments_of(timelines):
        peaks = _smoothed(timelines[segment.timeline].probabilities[segment.start : segment.stop], rows).max(axis=0)
        others = [index for index in range(len(labels)) if index not in (segment.label, silent)]
        if segment.label != silent:
            own.append(float(peaks[segment.label]))
        if others:
            wrong.append(float(peaks[others].max()))
    if not own or not wrong:
        return SuggestedEvents(base, "default", "the defaults: there was nothing to choose them on")
    enter = float(np.clip(_best_divide(np.array(own), np.array(wrong)), _LOWEST_ENTER, _HIGHEST_ENTER))
    enter = round(enter, 2)
    reason = (
        f"chosen on {len(wrong)} labelled clips by how far scores of true and of wrong labels are apart: there is no"
        " untrimmed recording to try events on"
    )
    return SuggestedEvents(replace(base, enter=enter, leave=round(enter * _LEAVE_SHARE, 2)), "clips", reason)


def _best_divide(own: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    """Return the middle of the longest run of thresholds that divide the two best."""
    thresholds = np.linspace(0, 1, 201)
    gains = (own[None] >= thresholds[:, None]).mean(axis=1) - (wrong[None] >= thresholds[:, None]).mean(axis=1)
    good = gains >= gains.max() - 1e-9
    starts = np.flatnonzero(good & ~np.concatenate([[False], good[:-1]]))
    stops = np.flatnonzero(good & ~np.concatenate([good[1:], [False]]))
    longest = int((stops - starts).argmax())
    return float((thresholds[starts[longest]] + thresholds[stops[longest]]) / 2)


def _smoothed(rows: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """The moving average over the newest `count` rows, as the detector has it."""
    sums = np.cumsum(np.concatenate([np.zeros((1, rows.shape[1])), rows.astype(np.float64)]), axis=0)
    stops = np.arange(1, len(rows) + 1)
    starts = np.maximum(stops - count, 0)
    return np.asarray((sums[stops] - sums[starts]) / (stops - starts)[:, None])


def _some(timelines: Sequence[PredictionTimeline]) -> list[PredictionTimeline]:
    """Return as many of the recordings, evenly spread, as can be tried 150 times in half a minute."""
    total = sum(len(timeline.pts_seconds) for timeline in timelines)
    step = max(1, -(-total // _MOST_PREDICTIONS))
    return list(timelines[::step])
