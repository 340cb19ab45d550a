"""The parts of the page, each from the numbers of the report, in words for people who train a model now and then."""

from __future__ import annotations

from typing import Any

from framestream_export.measures.page.charts import reliability_chart
from framestream_export.measures.page.text import count, escaped, interval, percent, points, seconds, table


def headline(report: dict[str, Any]) -> str:
    """How many clips are right, of how many people, and how sure that is."""
    pieces, groups = report["pieces"], report["groups"]
    whose = f" of {count(groups, 'group')} (people, places or films)" if groups != report["files"] else ""
    bounds = report["piece_accuracy_interval"]
    sure = (
        f"On clips of others like these, expect {interval(bounds)} (95 % confidence interval by group)."
        if bounds
        else "All are of one group: how it does with others cannot be told."
    )
    return f"""<div class="headline"><strong>{percent(report["piece_accuracy"])}</strong><div>
<p>{report["pieces_right"]} of {count(pieces, "clip")} right, in {count(report["files"], "file")}{whose}.</p>
<p>{sure}</p>
<p class="soft">Single answers, many a second: {percent(report["accuracy"])} of {report["windows"]} right
({interval(report["accuracy_interval"])}).</p></div></div>"""


def baseline(report: dict[str, Any]) -> str:
    """Whether time helps."""
    found = report["baseline"]
    if found is None:
        return ""
    gain = found["piece_gain"]
    bounds = found["piece_gain_interval"]
    spread = (
        ""
        if bounds is None
        else f" (95 % confidence interval: {100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f} points)"
    )
    verdict = {
        "helps": f"Looking at the order of frames helps, by {points(gain)}{spread}.",
        "hurts": f"Looking at the order of frames does harm, by {points(gain)}{spread}: the simpler model is better.",
    }.get(found["verdict"])
    if verdict is None and gain == 0:
        verdict = f"Looking at the order of frames makes no difference on these clips{spread}."
    elif verdict is None:
        more = "more" if gain > 0 else "fewer"
        verdict = (
            f"Looking at the order of frames got {points(gain)} {more} right{spread}, which on so few clips may be"
            " chance."
        )
    return f"""<h2>Does time help?</h2>
<p>A model that does not look at the order of frames gets <b>{percent(found["piece_accuracy"])}</b> of the same clips
right, this one <b>{percent(found["piece_accuracy"] + gain)}</b>. {verdict}</p>"""


def warnings(report: dict[str, Any]) -> str:
    """What to know before believing the rest."""
    items = "".join(f"<li>{escaped(warning)}</li>" for warning in report["warnings"])
    return f'<div class="warnings"><b>Before you rely on it</b><ul>{items}</ul></div>' if items else ""


def classes(report: dict[str, Any]) -> str:
    """Precision and recall of each label, clips and answers."""
    rows = []
    for label in report["labels"]:
        clip, single = report["piece_per_class"][label], report["per_class"][label]
        shares = [percent(one[name]) for one in (clip, single) for name in ("recall", "precision")]
        rows.append([escaped(label), str(clip["support"]), *shares[:2], str(single["support"]), *shares[2:]])
    header = ("label", "clips", "found", "right when said", "answers", "found", "right when said")
    return f"""<h2>Label by label</h2>
<p>“Found” (recall): of the clips that show it, the share that was called so. “Right when said” (precision): of the
clips that were called so, the share that shows it.</p>{table(header, rows)}
<p class="soft">Labels counting alike, clips have a macro-F1 of {_number(report["piece_macro_f1"])}, single answers of
{_number(report["macro_f1"])}.</p>"""


def confusion(report: dict[str, Any]) -> str:
    """What was taken for what, clip by clip."""
    labels, matrix = report["labels"], report["piece_confusion"]
    head = "".join(f'<th scope="col">{escaped(label)}</th>' for label in labels)
    rows = []
    for label, row in zip(labels, matrix, strict=True):
        total = sum(row)
        cells = []
        for number in row:
            share = number / total if total else 0.0
            look = "" if not number else ' class="some much"' if share > 0.55 else ' class="some"'
            told = f"{number}<small>{share:.0%}</small>" if number else ""
            cells.append(f'<td{look} style="--share:{0.15 + 0.85 * share:.2f}">{told}</td>')
        rows.append(f'<tr><th scope="row">{escaped(label)}</th>{"".join(cells)}</tr>')
    return f"""<h2>What is taken for what</h2>
<p>A row for each true label, a column for each answer: clips, and their share of the row. What lies on the diagonal
is right.</p><div class="wide"><table class="matrix"><thead><tr><th>true ↓ said →</th>{head}</tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>"""


def calibration(report: dict[str, Any]) -> str:
    """Whether scores can be believed."""
    found = report["calibration"]
    after, before = found["after"], found["before"]
    told = (
        f"On average, score and truth are {percent(after['calibration_error'])} apart; the log loss is"
        f" {after['log_loss']:.3f}."
    )
    if before:
        told += (
            f" Before the scores were divided by a temperature of {found['temperature']:.2f}, which was fitted on other"
            f" clips, that was {percent(before['calibration_error'])} and {before['log_loss']:.3f}."
        )
    return f"""<h2>Can the scores be believed?</h2>
<p>Of answers with a score of 0.9, nine in ten should be right: the dots should lie on the dashed line. Below it, the
model is surer than it should be. The larger a dot, the more answers.</p>
<p>{told}</p><div class="figures">{reliability_chart(found)}</div>"""


def streaming(report: dict[str, Any]) -> str:
    """How good the events are in untrimmed video."""
    found = report["streaming"]
    if found is None:
        return ""
    shares = [
        [f"overlap {least}", percent(one["f1"]), percent(one["precision"]), percent(one["recall"]), _of(one)]
        for least, one in found["events"].items()
    ]
    alarms = found["false_alarms_per_hour"]
    switches = found["switches_per_minute"]
    delay, start = found["delay_seconds"], found["start_error_seconds"]
    rows = [
        ["told after its start, typically", seconds(delay["median"] if delay else None)],
        ["told after its start, nine in ten within", seconds(delay["p90"] if delay else None)],
        ["start as reported, less the true start (median)", seconds(start["median"] if start else None)],
        [
            "false alarms per hour in which nothing happens",
            f"{alarms:.1f} ({found['false_alarms']} in {found['background_seconds'] / 60:.1f} min)"
            if alarms is not None
            else "&ndash;",
        ],
        ["changes of answer per minute", f"{switches['answers']:.1f}"],
        ["events starting or ending per minute", f"{switches['events']:.1f}"],
        ["the same, in truth", f"{switches['truth']:.1f}"],
    ]
    by_label = [
        [escaped(label), *(percent(counts[label]["f1"]) for counts in found["events_per_class"].values()), _of(last)]
        for label, last in found["events_per_class"]["0.5"].items()
    ]
    leasts = [f"F1 at {least}" for least in found["events_per_class"]]
    return f"""<h2>Events in untrimmed video</h2>
<p>{count(found["files"], "recording")}, {found["video_seconds"] / 60:.1f} minutes. An event counts as right if it has
the label and shares enough time with what happened: the overlap is the time they share, as a part of the time that
either takes. Every true event can be found once.</p>
{table(("", "F1", "right when said", "found", "events"), shares)}{table(("how it feels", ""), rows)}
{table(("label", *leasts, "events"), by_label)}
<p class="soft">“Told” is when an event was certain to be reported: after smoothing, after its least duration, and
after the frames behind its moment that an answer looks at. The start it is reported with is set back by what is known
of that delay.</p>"""


def thresholds(report: dict[str, Any]) -> str:
    """Which event settings to use."""
    used, suggested = report["events"]["settings"], report["events"]["suggested"]
    told = f"<p>Measured here with: {_settings(used)}.</p>" if report["streaming"] else ""
    if suggested is None:
        return f"<h2>When is it an event?</h2>{told}" if told else ""
    own = suggested["settings"]
    options = f"--enter {own['enter']:g} --leave {own['leave']:g} --min-seconds {own['min_seconds']:g}"
    return f"""<h2>When is it an event?</h2>
<p>Suggested: {_settings(own)}, {escaped(suggested["reason"])}.</p>{told}
<p class="soft">To try others: <code>framestream watch FILM --model MODEL.onnx {options}</code></p>"""


def words(report: dict[str, Any]) -> str:
    """What the terms mean."""
    meanings = {
        "clip": "A labelled piece: a file, or the part of a longer one throughout which one label holds. Its answer is"
        " the label with the highest mean score.",
        "group": "What the manifest's group column says belongs together: a person, a place, a film. Clips of one group"
        " are much alike, so the interval counts groups rather than clips.",
        "confidence interval": "Were the same done again with other people or places, the true share would be inside it"
        " 19 times in 20. It knows nothing of cameras and places unlike those measured.",
    }
    if report["calibration"]["temperature"] is not None:
        meanings["temperature"] = (
            "A number that all scores were softened (above 1) or sharpened (below 1) by after training. It changes no"
            " decision."
        )
    return (
        "<h2>Words</h2><dl>" + "".join(f"<dt>{name}</dt><dd>{told}</dd>" for name, told in meanings.items()) + "</dl>"
    )


def _settings(values: dict[str, float]) -> str:
    return (
        f"an event starts at a score of {values['enter']:g}, ends below {values['leave']:g}, lasts at least"
        f" {values['min_seconds']:g} s; scores are averaged over {values['smoothing_seconds']:g} s"
    )


def _of(counts: dict[str, Any]) -> str:
    return f"{counts['pairs']} of {counts['true']} found, {counts['found'] - counts['pairs']} too many"


def _number(value: float | None) -> str:
    return "&ndash;" if value is None else f"{value:.2f}"
