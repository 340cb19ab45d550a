"""Which pictures of a film a FrameStream model sees, by its clock. Needs OpenCV, which only decodes."""

import cv2
import picture


def sample(path, rate, size_hw):
    """Yield what the model is to see.

    A segment is a part of a film within which time never jumps. Its ticks are `start + k / rate`; each gets the first
    picture at or after it, or the picture before if none came before the next tick.

    Yields:
        `(start, seconds, picture)` for each tick, `(start, end, None)` once where a segment ends.
    """
    capture = cv2.VideoCapture(path)
    start = last = interval = None
    while capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if start is not None and not -1 / rate <= seconds - last <= 5:
            yield start, last + (interval or 1 / rate), None
            start = None
        if start is None:
            start, last, interval, ticks, newest = seconds, seconds, None, 0, None
        elif seconds > last:
            interval, last = min(seconds - last, interval or float("inf")), seconds
        due = int((seconds - start + 0.001) * rate)  # containers round times: allow them a millisecond
        if due < ticks:
            continue
        # OpenCV gives blue first, the model wants red first; turned round when it is small.
        held, newest = newest, picture.fit(capture.retrieve()[1], size_hw)[:, :, ::-1].copy()
        for tick in range(ticks, due):
            yield start, start + tick / rate, held
        yield start, start + due / rate, newest
        ticks = due + 1
    if start is None:
        raise SystemExit(f"{path}: no frame could be decoded")
    yield start, last + (interval or 1 / rate), None
