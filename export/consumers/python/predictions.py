"""Predictions and events from the pictures of a film, with any runtime for the model. Needs numpy."""

import json
from collections import deque

import film
import numpy as np


def watch(facts, zeros, run, path):
    """Print what happens in a film, as `framestream watch --format jsonl --predictions` does.

    Args:
        facts: The model's metadata, without the `framestream.` of its keys.
        zeros: The state that starts a segment of the film, which has no gap.
        run: Takes a picture `[height, width, 3]` and a state, returns probabilities `[classes]` and the next state.
        path: The film.
    """
    if facts["spec_version"] != "1":
        raise SystemExit(f"this program reads version 1 of the metadata, the model has {facts['spec_version']}")
    samples = film.sample(path, float(facts["frame_rate"]), (int(facts["height"]), int(facts["width"])))
    for record in find_events(predict(samples, run, zeros, int(facts["window"])), facts):
        print(json.dumps(record))


def predict(samples, run, zeros, window):
    """Yield `(start, seconds, probabilities)`, and `(start, end, None)` where a segment of the film ends."""
    state, rows, newest = zeros, 0, None
    for start, seconds, picture in samples:
        newest = newest if picture is None else (seconds, picture)
        # A segment shorter than a window holds its last picture; rows before that are no predictions.
        for _ in range(window - rows if picture is None else 1):
            row, state = run(newest[1], state)
            rows += 1
            if rows >= window:
                yield start, newest[0], row
        if picture is None:
            yield start, seconds, None
            state, rows = zeros, 0


def find_events(rows, facts):
    """Turn what `predict` yields into predictions and events."""
    labels, rate, anchor = facts["labels"].split("\n"), float(facts["frame_rate"]), int(facts["anchor_frames"])
    enter, leave, least = (float(facts[f"event_{name}"]) for name in ("enter", "leave", "min_seconds"))
    recent = deque(maxlen=max(1, round(float(facts["event_smoothing_seconds"]) * rate)))
    event, first = None, True
    for start, seconds, row in rows:
        moment, top = seconds, None
        if row is not None:
            best = int(row.argmax())
            yield {"type": "prediction", "pts_seconds": seconds, "label": labels[best], "score": float(row[best])}
            recent.append(row)
            mean = dict(zip(labels, np.mean(recent, axis=0, dtype=float), strict=True))
            # A row speaks for the time from its own centre on, the first one for all before it, too.
            moment = start if first else max(start, seconds - (anchor + (len(recent) - 1) / 2) / rate)
            top = max((label for label in labels if label != facts["background"]), key=mean.get)
            top = top if mean[top] >= enter else None
        if event and (row is None or mean[event[0]] < leave or top not in (None, event[0])):
            (label, began, scores), event = event, None
            if moment > began and moment - began >= least - 1e-6:
                found = {"type": "event", "label": label, "score": float(np.mean(scores))}
                yield {**found, "start_seconds": began, "end_seconds": moment}
        event = event or (None if top is None else (top, moment, []))
        if event:
            event[2].append(mean[event[0]])
        if first := row is None:
            recent.clear()
