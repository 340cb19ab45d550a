"""Many-to-many and many-to-one on sequences of numbers: train, export, run step by step. sequences.md explains it.

    python samples/sequences.py sequences

writes sequences/many-to-many.onnx and sequences/many-to-one.onnx. It needs what training needs: pip install -e
".[cpu,train]". Everything is what FrameStream does with video, without the video: 15 numbers a step take the place of
an encoder's features, and 8 numbers that of a class's probabilities.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnx
import onnxruntime
from keras import layers
from numpy.typing import NDArray
from onnx import TensorProto, helper

from framestream_export.exporting.parity import largest_difference
from framestream_export.graph.parts import Graph, HeadWeights, LstmWeights
from framestream_export.graph.streaming import GraphLayout, add_head, finished_model

STEPS, INPUTS, OUTPUTS, UNITS = 64, 15, 8, 32
LONG = 1000  # steps of the stream that is run at the end
LIMIT = 1e-5  # between Keras and ONNX Runtime

Floats = NDArray[np.float32]


def make_sequences(rng: np.random.Generator, count: int, steps: int = STEPS) -> tuple[Floats, Floats]:
    """Noise, and what only memory can say of it: each output is a fading mean of a mix of the inputs.

    Returns:
        Inputs [count, steps, 15], and outputs [count, steps, 8], whose variance comes to 1 within a few steps.
    """
    inputs = rng.standard_normal((count, steps, INPUTS)).astype(np.float32)
    mixes = np.random.default_rng(15).standard_normal((INPUTS, OUTPUTS))
    mixes /= np.linalg.norm(mixes, axis=0)
    kept = np.linspace(0.6, 0.9, OUTPUTS)  # the share of the mean that is left of it one step later
    mean = np.zeros((count, OUTPUTS))
    outputs = np.empty((count, steps, OUTPUTS), np.float32)
    for step in range(steps):
        mean = kept * mean + inputs[:, step] @ mixes
        outputs[:, step] = mean * np.sqrt(1 - kept**2)
    return inputs, outputs


def build_many_to_many() -> Any:
    """[B, T, 15] to [B, T, 8]: the LSTM says something at every step, and the same Dense turns each into 8 numbers."""
    inputs = keras.Input((None, INPUTS))
    hidden = layers.LSTM(UNITS, return_sequences=True, name="lstm")(inputs)
    return keras.Model(inputs, layers.TimeDistributed(layers.Dense(OUTPUTS), name="dense")(hidden))


def build_many_to_one() -> Any:
    """[B, 64, 15] to [B, 8]: the LSTM says something once, after the last step."""
    inputs = keras.Input((STEPS, INPUTS))
    hidden = layers.LSTM(UNITS, return_sequences=False, name="lstm")(inputs)
    return keras.Model(inputs, layers.Dense(OUTPUTS, name="dense")(hidden))


def error_as_published(inputs: Floats, wanted: Floats) -> str:
    """Fit the model that ends in its LSTM, 32 numbers a step, to the 8 that are wanted; say what Keras says."""
    model = keras.Sequential([keras.Input((STEPS, INPUTS)), layers.LSTM(UNITS, return_sequences=True)])
    model.compile("adam", "mse")
    try:
        model.fit(inputs, wanted, verbose=0)
    except ValueError as error:
        return f"{model.output_shape} cannot be fitted to {(None, *wanted.shape[1:])}: {str(error).splitlines()[0]}"
    raise SystemExit("this Keras fitted 32 outputs to 8 wanted")


def train(model: Any, inputs: Floats, wanted: Floats, *, epochs: int) -> float:
    """Fit a model; returns the seconds it took."""
    batch = 32
    rate = keras.optimizers.schedules.CosineDecay(0.01, epochs * -(-len(inputs) // batch))
    model.compile(keras.optimizers.Adam(rate), "mse")
    started = time.monotonic()
    model.fit(inputs, wanted, batch_size=batch, epochs=epochs, verbose=0)
    return time.monotonic() - started


def export(model: Any, kind: str, path: Path) -> onnxruntime.InferenceSession:
    """Write a model with its state as inputs and outputs, by the parts of which FrameStream's own graphs are made.

    Args:
        model: The model to write, many-to-many or many-to-one.
        kind: "stateful" keeps the LSTM's state, "window" the last 63 inputs.
        path: Path of the file to write.

    Returns:
        The file, opened.
    """
    dense = model.get_layer("dense")
    dense = getattr(dense, "layer", dense)  # TimeDistributed has the layer inside
    kernel, bias = (np.asarray(part, np.float32) for part in (dense.kernel, dense.bias))
    head = HeadWeights((LstmWeights.of(model.get_layer("lstm")),), INPUTS, kernel, bias)
    layout = GraphLayout(kind, STEPS, height=0, width=0)  # no frames here
    graph = Graph()
    if kind == "stateful":
        graph.add("Transpose", ["inputs"], "new_features", perm=[1, 0, 2])
        states = add_head(graph, head, layout)
        graph.add("Transpose", ["logits"], "outputs", perm=[1, 0, 2])
    else:
        graph.add("Identity", ["inputs"], "new_features")
        graph.add("Shape", ["inputs"], "leading_axes", start=0, end=2)
        graph.add("Concat", ["leading_axes", graph.constant("rest", [-1])], "unfolded_shape", axis=0)
        states = add_head(graph, head, layout)
        graph.add("Identity", ["logits"], "outputs")
    given, predicted = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [layout.cameras, layout.steps, size])
        for name, size in (("inputs", INPUTS), ("outputs", OUTPUTS))
    )
    proto = finished_model(graph, given, [predicted], states, layout)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, inputs: Floats, *, steps: int) -> Floats:
    """Feed sequences a few steps at a time, and what comes out as `next_x` as `x` the next time.

    Returns:
        float32 [B, T, 8].
    """
    names = [item.name for item in session.get_inputs() if item.name != "inputs"]
    shapes = {item.name: item.shape[1:] for item in session.get_inputs()}
    state = {name: np.zeros((len(inputs), *shapes[name]), np.float32) for name in names}
    wanted = ["outputs", *(f"next_{name}" for name in names)]
    rows = []
    for start in range(0, inputs.shape[1], steps):
        row, *after = session.run(wanted, {"inputs": inputs[:, start : start + steps], **state})
        state = dict(zip(names, after, strict=True))
        rows.append(row)
    return np.concatenate(rows, axis=1)


def windows(inputs: Floats) -> Floats:
    """Every 64 steps in a row of one long sequence [1, T, 15]: [T - 63, 64, 15]."""
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(inputs[0], STEPS, axis=0).swapaxes(1, 2))


def error_of(found: Floats, wanted: Floats) -> float:
    """Mean squared error; predicting the mean at every step gives about 1."""
    return float(np.mean((found - wanted) ** 2))


def compare(what: str, keras_says: Floats, found: Floats) -> None:
    """Print how far two predictions are apart, and stop if that is too far."""
    difference = largest_difference(keras_says, found)
    print(f"  {what}: largest difference {difference:.1e}")
    if difference > LIMIT:
        raise SystemExit(f"{what}: the file's predictions {found.shape} are not those of Keras, {keras_says.shape}")


def main() -> None:
    """Make the data, train both models, export both, run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder to write the two .onnx files to")
    parser.add_argument("--count", type=int, default=2000, help="sequences to train on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    inputs, wanted = make_sequences(rng, arguments.count)
    test_inputs, test_wanted = make_sequences(rng, 200)
    stream, stream_wanted = make_sequences(rng, 1, LONG)
    print(f"inputs {inputs.shape}, wanted {wanted.shape}")
    print(f"as published: {error_as_published(inputs[:64], wanted[:64])}")
    mix, *_ = np.linalg.lstsq(inputs.reshape(-1, INPUTS), wanted.reshape(-1, OUTPUTS), rcond=None)
    print(f"error of the mean: {error_of(wanted.mean((0, 1)), test_wanted):.3f}")
    print(f"error of the best that is said without memory: {error_of(test_inputs @ mix, test_wanted):.3f}")

    model = build_many_to_many()
    seconds = train(model, inputs, wanted, epochs=arguments.epochs)
    predictions = model.predict(test_inputs, verbose=0)
    print(
        f"many-to-many {predictions.shape}: error {error_of(predictions, test_wanted):.3f}, trained in {seconds:.0f} s"
    )
    many = export(model, "stateful", arguments.output / "many-to-many.onnx")
    compare("step by step", predictions, run(many, test_inputs, steps=1))
    forgetful = run(many, test_inputs.reshape(-1, 1, INPUTS), steps=1).reshape(test_wanted.shape)
    print(f"  step by step, zeros as state each time: error {error_of(forgetful, test_wanted):.3f}")

    model = build_many_to_one()
    seconds = train(model, inputs, wanted[:, -1], epochs=arguments.epochs)
    predictions = model.predict(test_inputs, verbose=0)
    print(
        f"many-to-one {predictions.shape}: error {error_of(predictions, test_wanted[:, -1]):.3f},"
        f" trained in {seconds:.0f} s"
    )
    one = export(model, "window", arguments.output / "many-to-one.onnx")
    compare("whole windows", predictions, run(one, test_inputs, steps=STEPS)[:, -1])
    found = run(one, stream, steps=1)[0, STEPS - 1 :]  # the first 63 looked at steps that never were
    compare(f"a stream of {LONG} steps, every window", model.predict(windows(stream), verbose=0), found)

    truth = stream_wanted[0, STEPS - 1 :]
    errors = [error_of(predictions, truth) for predictions in (run(many, stream, steps=1)[0, STEPS - 1 :], found)]
    print("error on that stream: many-to-many {:.3f}, many-to-one {:.3f}".format(*errors))


if __name__ == "__main__":
    main()
