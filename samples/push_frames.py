"""Hand over frames from a loop of your own: a camera's own library, a simulation, another program's pictures.

    python samples/push_frames.py samples/gym.webm

Your loop runs on a thread of its own and only pushes; the results come out where `watch_many` is iterated. With
`live=True` pushing never waits: when the machine is too slow, the oldest frames go, and are counted. (For a loop that
wants its results at once, `Classifier.stream()` is simpler: see the README.)
"""

import sys
import threading

import cv2

from framestream import Classifier, End, Event, PushedFrames


def push_all(path: str, frames: PushedFrames) -> None:
    """Stand in for your own loop: read pictures, give each its time, push it."""
    capture = cv2.VideoCapture(path)
    while capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not frames.push(capture.retrieve()[1], pts_seconds=seconds):
            break  # nobody watches any more
    frames.end()
    capture.release()


def main(path: str) -> None:
    """Push a film from one thread, and watch it on this one."""
    # Waits while nobody keeps up, since this is a recording; with a camera behind it, say live=True.
    frames = PushedFrames(size_wh=(256, 192), name="my own loop")
    pusher = threading.Thread(target=push_all, args=(path, frames))
    pusher.start()
    try:
        with Classifier.load().watch_many({"mine": frames}, predictions=False) as watch:
            for record in watch:
                if isinstance(record, Event):
                    print(f"{record.label} from {record.start_seconds:.1f} to {record.end_seconds:.1f} s")
                elif isinstance(record, End):
                    print(f"{record.frames_read} frames, {record.frames_dropped} dropped")
    finally:
        frames.close()
        pusher.join()


if __name__ == "__main__":
    main(sys.argv[1])
