"""Watch a film with OpenVINO alone: python watch_film_openvino.py MODEL.onnx FILM [DEVICE]

MODEL.json must lie beside MODEL.onnx, since OpenVINO does not read ONNX metadata.
"""

import json
import pathlib
import sys

import numpy as np
import openvino
import predictions

ON_CPU = False


def open_model(path, device="CPU"):
    """Open a model: its metadata, the state that starts a segment, and a function that runs one frame."""
    sidecar = pathlib.Path(path).with_suffix(".json").read_text(encoding="utf-8")
    facts = {key.removeprefix("framestream."): text for key, text in json.loads(sidecar).items()}
    names = facts["state_names"].split("\n")
    core = openvino.Core()
    model = core.read_model(path)
    if model.output("probabilities").partial_shape[-1].get_length() != len(facts["labels"].split("\n")):
        raise SystemExit(f"{path} and its JSON file do not belong together: other labels")
    # One camera, one frame at a time.
    model.reshape(
        {
            port.any_name: [1, 1 if port.any_name == "frames" else port.partial_shape[1], *port.partial_shape[2:]]
            for port in model.inputs
        }
    )
    fold_head(core, model)
    # float32 also where the device would rather have less: the parity of the file.
    compiled = core.compile_model(model, device, {"INFERENCE_PRECISION_HINT": "f32"})
    # Where it really runs, since a device may be AUTO.
    for name in compiled.get_property("EXECUTION_DEVICES"):
        print(f"OpenVINO on {name}, {core.get_property(name, 'FULL_DEVICE_NAME')}", file=sys.stderr)

    def run(picture, state):
        """Run one frame: what comes out as `next_x` goes in as `x`."""
        result = compiled({"frames": picture[None, None], **state})
        # Copied, since the next run writes into the same memory.
        return result["probabilities"][0, 0].copy(), {name: result[f"next_{name}"].copy() for name in names}

    return facts, {name: np.zeros(compiled.input(name).shape, np.float32) for name in names}, run


def fold_head(core, model):
    """Make plain constants of an LSTM's weights: the int8 variant stores them as int8, which OpenVINO refuses there."""
    for node in model.get_ops():
        if node.get_type_name() == "LSTMSequence":
            for port in node.inputs()[4:]:
                weights = openvino.Model([port.get_source_output()], [])
                values = core.compile_model(weights, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({})[0]
                port.replace_source_output(openvino.opset13.constant(values).output(0))


if __name__ == "__main__":
    predictions.watch(*open_model(sys.argv[1], *sys.argv[3:]), sys.argv[2])
