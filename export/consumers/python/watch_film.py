"""Watch a film with ONNX Runtime alone: python watch_film.py MODEL.onnx FILM"""

import sys

import answers
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
facts = {key.removeprefix("framestream."): text for key, text in session.get_modelmeta().custom_metadata_map.items()}
names = facts["state_names"].split("\n")
shapes = {item.name: item.shape[1:] for item in session.get_inputs()}
outputs = ["probabilities", *(f"next_{name}" for name in names)]


def run(frames, state):
    """Run one frame: what comes out as `next_x` goes in as `x`."""
    rows, *after = session.run(outputs, {"frames": frames, **state})
    return rows[0, 0], dict(zip(names, after, strict=True))


zeros = {name: np.zeros((1, *shapes[name]), np.float32) for name in names}
answers.watch(run, zeros, facts, sys.argv[2])
