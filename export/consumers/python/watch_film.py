"""Watch a film with ONNX Runtime alone: python watch_film.py MODEL.onnx FILM"""

import sys

import numpy as np
import onnxruntime
import predictions

ON_CPU = True  # of ONNX Runtime, for which golden vectors have a stricter limit


def open_model(path):
    """Open a model: its metadata, the state that starts a segment, and a function that runs one frame."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map
    facts = {key.removeprefix("framestream."): text for key, text in found.items()}
    shapes = {item.name: item.shape[1:] for item in session.get_inputs()}
    zeros = {name: np.zeros((1, *shapes[name]), np.float32) for name in facts["state_names"].split("\n")}
    outputs = ["probabilities", *(f"next_{name}" for name in zeros)]

    def run(picture, state):
        """Run one frame: what comes out as `next_x` goes in as `x`."""
        rows, *after = session.run(outputs, {"frames": picture[None, None], **state})
        return rows[0, 0], dict(zip(zeros, after, strict=True))

    return facts, zeros, run


if __name__ == "__main__":
    predictions.watch(*open_model(sys.argv[1]), sys.argv[2])
