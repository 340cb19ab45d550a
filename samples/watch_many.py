"""Watch many cameras or recordings at once, in one loop.

python samples/watch_many.py samples/kiosk.webm samples/gym.webm
python samples/watch_many.py rtsp://user:password@192.168.1.20/stream1 0
"""

import sys

from framestream import Classifier, Event, Gap, Status


def main(sources: list[str]) -> None:
    """Print what happens, and how the cameras are."""
    classifier = Classifier.load()
    cameras = {f"camera {number}": source for number, source in enumerate(sources, start=1)}
    with classifier.watch_many(cameras, predictions=False) as watch:
        for record in watch:
            if isinstance(record, Event):
                print(f"{record.camera}: {record.label} from {record.start_seconds:.1f} to {record.end_seconds:.1f} s")
            elif isinstance(record, Gap):
                print(f"{record.camera}: the picture was gone ({record.reason})")
            elif isinstance(record, Status):
                print(f"{record.camera} is {record.state}", record.reason or "")


if __name__ == "__main__":
    main(sys.argv[1:])
