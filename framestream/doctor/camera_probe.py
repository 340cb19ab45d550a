"""Opens one camera and prints the size of its first picture; a process of its own, because drivers can block for ever.

Run as `python -m framestream.doctor.camera_probe CAMERA`, where CAMERA is an index or a path. Prints one JSON
object with `size_wh`, or with `problem`.
"""

from __future__ import annotations

import json
import sys

import cv2

from framestream.sources.opencv import opencv_silenced


def main() -> None:
    """Probe the camera named on the command line."""
    camera = sys.argv[1]
    with opencv_silenced():
        capture = cv2.VideoCapture(int(camera) if camera.isdigit() else camera)
        result: dict[str, object] = {"problem": "cannot be opened"}
        if capture.isOpened():
            decoded, image = capture.read()
            result = {"size_wh": [image.shape[1], image.shape[0]]} if decoded else {"problem": "gives no picture"}
        capture.release()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
