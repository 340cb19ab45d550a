"""What a person should know about a data set, in a sentence each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from framestream_export.data.check.examination import Clip, Copy, LabelSummary, Plan, Remark
from framestream_export.data.check.probing import Probe

_NAMED = 5
# Beyond this, a class is learnt from so much less than another that its share shows in the predictions.
_UNBALANCED = 10.0
# A frame more or less at the end of a file is how containers count.
_FRAMES_BEYOND_END = 2


def remarks_on_clips(probes: Sequence[Probe], clips: Sequence[Clip], plan: Plan) -> Iterator[Remark]:
    """About single recordings: unreadable, cut short, labelled where there is no film, short, slow."""
    unreadable = [clip.name for clip in clips if not clip.frames]
    if unreadable:
        yield Remark("unreadable", f"{_some(unreadable, 'recording')} cannot be read, and will be left out")
    empty = [clip.name for clip in clips if clip.frames and clip.reason]
    if empty:
        yield Remark("unlabelled", f"{_some(empty, 'recording')} without a frame in its labelled times: left out")
    for probe in probes:
        for said in probe.warnings:
            yield Remark("damaged", said)
        yield from _outside(probe)
    short = [clip.name for clip in clips if clip.frames and clip.duration_seconds < plan.window_seconds]
    if short:
        yield Remark(
            "short",
            f"{_some(short, 'recording')} shorter than a window ({plan.window} frames at {plan.frame_rate:g} a second,"
            f" {plan.window_seconds:.2f} s): the last frame is held; take longer clips or a shorter --window",
        )
    slow = [
        clip.name
        for probe, clip in zip(probes, clips, strict=True)
        if probe.maker is None and clip.frames > 1 and clip.frame_rate < 0.9 * plan.frame_rate
    ]
    if slow:
        yield Remark(
            "slow",
            f"{_some(slow, 'recording')} with fewer frames a second than the model takes ({plan.frame_rate:g}): frames"
            " are held; take a lower --rate if cameras are as slow",
        )


def _outside(probe: Probe) -> Iterator[Remark]:
    beyond = probe.end_seconds + _FRAMES_BEYOND_END * probe.frame_seconds
    for segment in probe.recording.segments:
        if not len(probe.pts_seconds) or segment.end_seconds in (float("inf"),) or segment.end_seconds <= beyond:
            continue
        verb = "begins" if segment.start_seconds >= probe.end_seconds else "ends"
        yield Remark(
            "outside",
            f"{probe.recording.name}: {segment.label!r} from {segment.start_seconds:g} to {segment.end_seconds:g} s"
            f" {verb} after the file does, at {probe.end_seconds:.2f} s",
        )


def remarks_on_labels(labels: Sequence[LabelSummary]) -> Iterator[Remark]:
    """About labels: without footage, from one group, too rare, or written in two ways."""
    for label in labels:
        if not label.recordings:
            yield Remark("empty_label", f"no recording that can be read shows {label.label!r}")
        elif label.groups == 1:
            yield Remark(
                "one_group",
                f"{label.label!r} comes from one group only, so it cannot be both learnt and tested; add clips of other"
                " people or places",
            )
    shown = [label for label in labels if label.seconds > 0]
    if shown:
        least, most = min(shown, key=lambda one: one.seconds), max(shown, key=lambda one: one.seconds)
        if most.seconds > _UNBALANCED * least.seconds:
            yield Remark(
                "unbalanced",
                f"there is {most.seconds / least.seconds:.0f} times as much of {most.label!r} as of {least.label!r}",
            )
    for said in labels_alike([label.label for label in labels]):
        yield Remark("alike", said)


def labels_alike(labels: Sequence[str]) -> list[str]:
    """Which labels differ in capitals, blanks and signs only, a sentence for each."""
    spellings: dict[str, list[str]] = {}
    for label in labels:
        spellings.setdefault(_plain(label), []).append(label)
    return [
        f"{' and '.join(map(repr, alike))} are different labels; is one a misspelling?"
        for alike in spellings.values()
        if len(alike) > 1
    ]


def _plain(label: str) -> str:
    """A label as people hear it: letters and digits, without case."""
    text = unicodedata.normalize("NFKC", label).casefold()
    return "".join(character for character in text if character.isalnum()) or text


def remarks_on_copies(copies: Sequence[Copy]) -> Iterator[Remark]:
    """About footage that comes more than once."""
    across = [copy for copy in copies if copy.apart == "splits"]
    if across:
        yield Remark(
            "leak",
            f"{_pairs(across)} in different splits show the same: what is tested was trained on; give them one split",
        )
    loose = [copy for copy in copies if copy.apart == "groups"]
    if loose:
        yield Remark(
            "loose_copies",
            f"{_pairs(loose)} show the same and are in different groups, which training may put into different splits;"
            " give them one group",
        )
    contradicting = [copy for copy in copies if copy.labels_differ]
    if contradicting:
        yield Remark("contradiction", f"{_pairs(contradicting)} show the same and have different labels")


def _pairs(copies: Sequence[Copy]) -> str:
    named = "; ".join(f"{copy.first} and {copy.second}" for copy in copies[:_NAMED])
    return f"{len(copies)} pair{'s' if len(copies) > 1 else ''} ({named}{'; …' if len(copies) > _NAMED else ''})"


def _some(names: Sequence[str], what: str) -> str:
    named = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({named})"
