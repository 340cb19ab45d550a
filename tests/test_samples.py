"""The small programs in samples/ do what they say."""

import re
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "samples"


def run_sample(name: str, *films: str) -> str:
    command = [sys.executable, str(SAMPLES / name), *(str(SAMPLES / film) for film in films)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_one_loop_over_many() -> None:
    lines = run_sample("watch_many.py", "kiosk.webm", "gym.webm").splitlines()
    assert sum(line.startswith("camera 1: ") for line in lines) >= 5
    assert sum(line.startswith("camera 2: ") for line in lines) >= 5
    assert {"camera 1 is live ", "camera 2 is ended "} <= set(lines)


def test_callbacks_and_cameras_that_join() -> None:
    text = run_sample("call_back.py", "care-home.webm", "gym.webm")
    assert text.index("camera 1: ") < text.index("camera 2: ")
    assert len(re.findall(r"camera 2: [\w-]+ \(0\.\d\d\)", text)) >= 3


def test_asyncio() -> None:
    text = run_sample("watch_async.py", "kiosk.webm", "gym.webm")
    assert "camera 1: wave at " in text
    assert "camera 2: run at " in text


def test_frames_of_ones_own() -> None:
    lines = run_sample("push_frames.py", "gym.webm").splitlines()
    assert lines[0].startswith("run from 0.0 to ")
    assert lines[-1] == "877 frames, 0 dropped"
