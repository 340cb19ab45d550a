"""Draw what FrameStream found in a film as one picture: frames on top, a bar of events below.

    python samples/film_strip.py samples/kiosk.webm strip.png

If a timeline lies beside the film (NAME.csv: start,end,label), it is drawn as a second bar.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from framestream import Classifier, End, Event

_WIDTH, _FRAMES, _BAR = 1440, 9, 34
_COLOURS = (
    (66, 133, 244), (219, 68, 55), (15, 157, 88), (171, 71, 188), (255, 143, 0),
    (0, 151, 167), (194, 24, 91), (85, 139, 47), (93, 64, 55), (69, 90, 100),
)  # fmt: skip


def main() -> None:
    """Watch a film and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", type=Path, default=None)
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model)
    events: list[Event] = []
    seconds = 0.0
    for record in classifier.watch(arguments.film, predictions=False):
        if isinstance(record, Event):
            events.append(record)
        elif isinstance(record, End):
            seconds = record.media_seconds
    labels = [label for label in classifier.spec.labels if label != classifier.spec.background]
    rows = [_strip(arguments.film, seconds)]
    truth = arguments.film.with_suffix(".csv")
    if truth.is_file():
        spans = [span for span in _read_timeline(truth) if span[2] in labels]
        rows.append(_bar("what happened", spans, labels, seconds))
    found = [(event.start_seconds, event.end_seconds, event.label) for event in events]
    rows += [_bar("what FrameStream says", found, labels, seconds), _clock(seconds)]
    if not cv2.imwrite(str(arguments.picture), np.vstack(rows)):
        raise SystemExit(f"{arguments.picture} cannot be written")


def _strip(film: Path, seconds: float) -> NDArray[np.uint8]:
    """Frames from the whole film, evenly spaced."""
    capture = cv2.VideoCapture(str(film))
    wanted = [(number + 0.5) * seconds / _FRAMES for number in range(_FRAMES)]
    pictures: list[NDArray[np.uint8]] = []
    while len(pictures) < _FRAMES and capture.grab():
        if capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 >= wanted[len(pictures)]:
            _, frame = capture.retrieve()
            wide = _WIDTH // _FRAMES
            pictures.append(np.asarray(cv2.resize(frame, (wide, wide * frame.shape[0] // frame.shape[1]))))
    capture.release()
    return np.hstack(pictures)


def _bar(title: str, spans: list[tuple[float, float, str]], labels: list[str], seconds: float) -> NDArray[np.uint8]:
    """A title and one coloured block a span."""
    bar = np.full((_BAR + 22, _WIDTH, 3), 255, np.uint8)
    _write(bar, title, (4, 15), 0.45, (90, 90, 90))
    for start, end, label in spans:
        left, right = int(start / seconds * _WIDTH), int(end / seconds * _WIDTH)
        red, green, blue = _COLOURS[labels.index(label) % len(_COLOURS)]
        cv2.rectangle(bar, (left + 1, 21), (right - 1, 20 + _BAR), (blue, green, red), -1)
        _write(bar[:, : max(right - 3, 1)], label, (left + 5, 42), 0.4, (255, 255, 255))
    return bar


def _clock(seconds: float) -> NDArray[np.uint8]:
    line = np.full((20, _WIDTH, 3), 255, np.uint8)
    for second in range(0, int(seconds) + 1, 5):
        _write(line, f"{second} s", (int(second / seconds * _WIDTH) + 2, 14), 0.38, (90, 90, 90))
    return line


def _write(
    picture: NDArray[np.uint8], text: str, place: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _read_timeline(path: Path) -> list[tuple[float, float, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(float(row["start"]), float(row["end"]), row["label"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
