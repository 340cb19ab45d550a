"""The model card: what the model recognises, how well, how fast, and where that ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from framestream.model.spec import ModelSpec
from framestream_export.handoff.facts import HandoffFacts
from framestream_export.handoff.folder_layout import CONFUSION_FILE, README_FILE

_LOW_RECALL = 0.7
_FEW_WINDOWS = 30
_CONFUSIONS = 3
_FASTER = 0.95


def model_card(facts: HandoffFacts) -> str:
    """The card as Markdown."""
    parts = (_summary, _accuracy, _variants, _speed, _limits, _origin)
    return "\n\n".join("\n".join(part(facts)) for part in parts) + "\n"


def _summary(facts: HandoffFacts) -> Iterator[str]:
    spec = facts.spec
    events = [label for label in spec.labels if label != spec.background]
    yield "# Model card"
    yield ""
    each = f"{spec.window} frames ({spec.window_seconds:g} s)" if spec.window > 1 else "each frame"
    rows = {
        "recognises": ", ".join(f"`{_plain(label)}`" for label in events),
        "background": f"`{_plain(spec.background)}`: never an event" if spec.background else "none",
        "input": f"{spec.frame_rate:g} frames per second, {spec.width} x {spec.height} pixels",
        "prediction": f"from {each}, about {_moment(spec)}",
        "state": ", ".join(f"`{name}` {_sides(shape)}" for name, shape in facts.variants[0].state.items()),
        "accuracy": f"{_percent(spec.accuracy)} of single predictions, on recordings kept out of training",
        "trained": spec.created or "unknown",
        "training data": f"fingerprint `{spec.training_fingerprint}`",
        "card written": facts.written,
    }
    yield from _table(("", ""), rows.items())
    yield ""
    yield f"How to run it: [{README_FILE}]({README_FILE})."


def _accuracy(facts: HandoffFacts) -> Iterator[str]:
    test, splits = facts.record["test"], facts.record["splits"]
    yield "## How good it is"
    yield ""
    yield (
        f"Measured on {_count(len(splits['test']), 'recording')} that nothing was trained on (trained on"
        f" {len(splits['train'])}, chosen by {len(splits['validation'])} others):"
        f" **{_percent(test['accuracy'])}** of {test['windows']} single predictions are right, and **"
        f"{_percent(test['segment_accuracy'])}** of {test['segments']} labelled segments (clips, or parts of films)."
    )
    yield ""
    rows = [
        (f"`{_plain(label)}`", _percent(values["precision"]), _percent(values["recall"]), str(values["support"]))
        for label, values in test["per_class"].items()
    ]
    yield from _table(("label", "precision", "recall", "support"), rows, numbers=3)
    yield ""
    yield "Precision: of the predictions of a label, the share that is right. Recall: of the windows with that label,"
    yield "the share that was predicted. Support: how many those are."
    yield ""
    yield f"![Confusion matrix: rows are the truth, columns the prediction]({CONFUSION_FILE})"
    confused = _confusions(test["confusion"], test["labels"])
    if confused:
        yield ""
        yield f"Most often mistaken: {'; '.join(confused)}."


def _variants(facts: HandoffFacts) -> Iterator[str]:
    yield "## Variants"
    yield ""
    rows = [
        (
            f"`{one.file}`",
            one.variant.purpose,
            f"{one.file_bytes / 1e6:.2f} MB",
            _percent(one.spec.accuracy),
            _points(one.figures.drop) if one.figures else "-",
            _percent(one.figures.flips) if one.figures else "-",
            f"{one.figures.parity if one.figures else one.spec.parity or 0:.1e}",
        )
        for one in facts.variants
    ]
    header = ("file", "for", "size", "accuracy", "change", "other decisions", "off Keras by")
    yield from _table(header, rows, numbers=5)
    yield ""
    yield "Accuracy, its change against float32, and decisions other than float32's are those of held-out recordings."
    yield "The last column is the largest difference of a probability to the trained network's."
    for name, reason in facts.refused.items():
        yield ""
        yield f"`{name}` is not here: {_plain(reason)}"
    yield ""
    yield from _table(("file", "digest"), [(f"`{one.file}`", f"`{one.digest}`") for one in facts.variants])


def _speed(facts: HandoffFacts) -> Iterator[str]:
    times = facts.speed.frame_ms
    yield "## Speed"
    yield ""
    yield f"Milliseconds for a frame, the model alone, on {_plain(facts.speed.machine)}; median, measured side by side."
    yield ""
    steps = sorted({number for one in times.values() for number in one})
    header = ("variant", *(f"{number} frame{'s' if number > 1 else ''} a run" for number in steps))
    rows = [
        (name, *(f"{one[number]:.2f}" if number in one else "-" for number in steps)) for name, one in times.items()
    ]
    yield from _table(header, rows, numbers=len(steps))
    reference = times.get("float32", {})
    for name in ("float16", "int8"):
        shared = sorted(set(times.get(name, {})) & set(reference))
        if shared and not any(times[name][number] < _FASTER * reference[number] for number in shared):
            yield ""
            yield f"`{name}` is **not faster** than float32 on this machine."


def _limits(facts: HandoffFacts) -> Iterator[str]:
    test, spec = facts.record["test"], facts.spec
    yield "## Limits"
    yield ""
    yield "- The figures hold for recordings like those of the data set. Other cameras, angles, light and people were"
    yield "  not measured: try it on your own footage before you rely on it."
    yield f"- It knows {len(spec.labels)} labels and calls everything by one of them, whether it fits or not."
    if spec.window > 1:
        yield f"- Nothing shorter than about {spec.window_seconds / 2:g} s can be distinguished from what surrounds it."
    weak = [
        f"`{_plain(label)}` ({_percent(values['recall'])})"
        for label, values in test["per_class"].items()
        if values["recall"] is not None and values["recall"] < _LOW_RECALL
    ]
    if weak:
        yield f"- It misses much of {', '.join(weak)} (recall)."
    few = [
        f"`{_plain(label)}` ({values['support']})"
        for label, values in test["per_class"].items()
        if values["support"] < _FEW_WINDOWS
    ]
    if few:
        yield f"- Hardly tested, with fewer than {_FEW_WINDOWS} windows: {', '.join(few)}."
    for warning in facts.record.get("warnings", ()):
        yield f"- Warning from its training: {_plain(warning)}"
    if facts.vector_frames:
        yield f"- The golden vectors hold {facts.vector_frames} pictures of the data set's own recordings"
        yield f"  ({spec.width} x {spec.height} pixels): whoever gets this folder can see them."


def _origin(facts: HandoffFacts) -> Iterator[str]:
    record = facts.record
    yield "## Where it comes from"
    yield ""
    settings: Mapping[str, Any] = record["settings"]
    head = _head(settings)
    yield f"- {facts.spec.kind} model; encoder `{_plain(settings['encoder'])}`, {head}, seed {settings['seed']}."
    if "base" in record:
        base = record["base"]
        yield f"- Started from the run `{_plain(base['name'])}`, whose data have fingerprint `{base['fingerprint']}`."
    if record.get("skipped"):
        yield f"- {_count(len(record['skipped']), 'recording')} could not be read and were left out."
    yield f"- Made by {facts.spec.producer}."


def _moment(spec: ModelSpec) -> str:
    if spec.anchor_frames == 0:
        return "the newest frame"
    when = "after the newest frame: it predicts what will be" if spec.ahead_seconds else "before the newest frame"
    return f"the moment {abs(spec.anchor_frames) / spec.frame_rate:g} s {when}"


def _head(settings: Mapping[str, Any]) -> str:
    units = settings["lstm_units"]
    heads = {"mean": "the mean of the window's features", "bidirectional": f"an LSTM of {units} units each way"}
    return heads.get(settings.get("head", "lstm"), f"an LSTM of {units} units")


def _confusions(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> list[str]:
    found = [
        (count / max(1, sum(row)), f"`{_plain(labels[truth])}` for `{_plain(labels[said])}` ({count} of {sum(row)})")
        for truth, row in enumerate(confusion)
        for said, count in enumerate(row)
        if truth != said and count
    ]
    return [text for _, text in sorted(found, key=lambda item: (-item[0], item[1]))[:_CONFUSIONS]]


def _table(header: Sequence[str], rows: Any, *, numbers: int = 0) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * (len(header) - numbers)}{'---:|' * numbers}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _plain(text: str) -> str:
    """Text that cannot break out of a table or a line."""
    return " ".join(text.replace("|", "/").replace("`", "'").split())


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _points(drop: float | None) -> str:
    # Adding zero makes minus zero plain.
    return "-" if drop is None else f"{round(-100 * drop, 2) + 0.0:+.2f} points"


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
