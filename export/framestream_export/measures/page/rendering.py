"""Putting the page together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from framestream_export.measures.detection import stretches_of, time_of_stretch
from framestream_export.measures.extras import FramesOf, ReportExtras
from framestream_export.measures.labelled import Piece
from framestream_export.measures.measuring import Measured
from framestream_export.measures.page import sections
from framestream_export.measures.page.charts import learning_curves
from framestream_export.measures.page.strips import film_strip
from framestream_export.measures.page.style import STYLE
from framestream_export.measures.page.text import clock, count, escaped, percent
from framestream_export.measures.page.timeline import label_keys, timeline
from framestream_export.measures.spans import Span
from framestream_export.measures.streaming import OVERLAPS, Streamed, event_counts
from framestream_export.measures.timing import AnswerTiming
from framestream_export.measures.tracks import Track

_MOST_TIMELINES = 12


def render_page(measured: Measured, tracks: Sequence[Track], extras: ReportExtras) -> str:
    """The page, from what `measuring.measure` made of the same tracks and extras."""
    report = measured.report
    parts = [
        f"<h1>{escaped(report['title'])}</h1>",
        f'<p class="soft">{_measured_on(extras)}. {count(len(report["labels"]), "label")},'
        f" background {escaped(report['background'] or 'none')}</p>",
        sections.headline(report),
        sections.warnings(report),
        sections.baseline(report),
        sections.classes(report),
        sections.confusion(report),
        "".join(_clips(measured, tracks, extras)),
        sections.streaming(report),
        "".join(_timelines(measured, tracks, extras.timing)),
        sections.thresholds(report),
        sections.calibration(report),
        _curves(extras),
        sections.words(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(report['title'])}</title><style>{STYLE}</style></head>\n<body><main>"
        + "\n".join(part for part in parts if part)
        + "</main></body></html>\n"
    )


def _measured_on(extras: ReportExtras) -> str:
    where = "all recordings of the data set" if extras.split == "all" else f"the {escaped(extras.split)} split"
    if extras.held_out:
        return f"Measured on {where}, which nothing was trained on"
    return f"Measured on {where}; if the model was trained on some of it, these figures flatter it"


def _clips(measured: Measured, tracks: Sequence[Track], extras: ReportExtras) -> Iterator[str]:
    worst = measured.report["worst"]
    wrong = sum(not told["right"] for told in worst)
    yield "<h2>The worst clips</h2>"
    if wrong:
        yield "<p>Those that went most wrong, the surest mistakes first. Look for wrong labels, too.</p>"
    else:
        yield "<p>None went wrong. These were the least sure ones.</p>"
    for piece, told in zip(measured.worst, worst, strict=True):
        if wrong and told["right"]:
            return
        verdict = "fine" if told["right"] else "wrong"
        moments = f"{clock(told['start_seconds'])} to {clock(told['end_seconds'])}"
        strip = "" if extras.frames_of is None else _strip(extras.frames_of, tracks[piece.track], piece, extras.timing)
        yield (
            f'<div class="clip"><p><b>{escaped(told["truth"])}</b>, answer <b class="{verdict}">'
            f"{escaped(told['answer'])}</b> with {percent(told['score'])}; the true label got"
            f' {percent(told["true_score"])}</p>{strip}<p class="soft">{escaped(told["name"])}, {moments}</p></div>'
        )


def _strip(frames_of: FramesOf, track: Track, piece: Piece, timing: AnswerTiming) -> str:
    """Pictures of a piece; where it is shorter than what an answer looks at, of all that it looked at."""
    first, last = float(track.pts_seconds[piece.start]), float(track.pts_seconds[piece.stop - 1])
    missing = max(timing.window / timing.frame_rate - (last - first), 0.0)
    # Times before a video's start, or behind its end, have no pictures: whoever gives them knows.
    return film_strip(frames_of(track, first - missing / 2, last + missing / 2 + timing.period_seconds))


def _timelines(measured: Measured, tracks: Sequence[Track], timing: AnswerTiming) -> Iterator[str]:
    if measured.streaming is None:
        return
    streamed = measured.streaming.streamed
    yield "<h3>What happened, and what was reported</h3>"
    yield label_keys({span.label for one in streamed for span in _spans(one)}, measured.report["labels"])
    if len(streamed) > _MOST_TIMELINES:
        yield f"<p>The {_MOST_TIMELINES} recordings with the most mistakes, of {len(streamed)}.</p>"
    for one in sorted(streamed, key=_mistakes, reverse=True)[:_MOST_TIMELINES]:
        track = tracks[one.track]
        stretches = list(stretches_of(track))
        drawn = timeline(
            one.truth,
            [detected.span for detected in one.found],
            first_seconds=time_of_stretch(track, *stretches[0], timing)[0],
            last_seconds=time_of_stretch(track, *stretches[-1], timing)[1],
            labels=measured.report["labels"],
        )
        yield f'<p class="soft">{escaped(track.recording.name)}</p>{drawn}'


def _spans(one: Streamed) -> list[Span]:
    return [*one.truth, *(detected.span for detected in one.found)]


def _mistakes(one: Streamed) -> int:
    """True events less those found, and events too many; at the strictest overlap."""
    counts = event_counts([detected.span for detected in one.found], one.truth, least_overlap=OVERLAPS[-1])
    return counts.found + counts.true - 2 * counts.pairs


def _curves(extras: ReportExtras) -> str:
    if not extras.history:
        return ""
    drawn = learning_curves(extras.history, extras.best_epoch)
    return f"<h2>How it learnt</h2>{drawn}" if drawn else ""
