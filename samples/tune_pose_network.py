"""Teach the pose network rendered people, and hold it to what it says of real ones.

    python samples/render.py shots data/shots --count 2000 --seed 11 --jobs 2
    python samples/tune_pose_network.py data/shots --real FOLDER --output pose.weights.h5
    framestream train data/shots --encoder MoveNetLightning --weights pose.weights.h5 --size 160

MoveNet was taught people as cameras see them, and is less sure of rendered ones: half of their wrists are off by more
than a twentieth of the picture, and what a head learns from such joints it learns slowly and badly. Of rendered people
all joints are known. Of real people it is held to what it said before, on the films in `--real`, which need no labels.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from pose_tuning.pictures import SIZE, Pictures, read_real, read_rendered

_RENDERED, _REAL = 20, 8  # pictures of each kind in a step
_FROZEN = ("stem", "expanded_conv", "block_1_", "block_2_")  # what finds edges, and costs most to train
_REPORT_EVERY = 100
# Short as a fall is, it would hardly be learnt from; and hands are what is found worst.
_DRAWN_MORE_OFTEN = {"fall": 5.0, "clap": 2.0, "wave": 2.0, "punch": 2.0}
_WRISTS = slice(9, 11)


def main() -> None:
    """Read, train, measure, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shots", type=Path, help="folder that render.py shots wrote")
    parser.add_argument("--real", type=Path, nargs="+", required=True, help="folders with films of real people")
    parser.add_argument("--output", type=Path, required=True, help="weights file to write, NAME.weights.h5")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--learning-rate", type=float, default=7e-5)
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    real = read_real(arguments.real)
    rendered = read_rendered(arguments.shots, split="train", each=24, weights=_DRAWN_MORE_OFTEN)
    kept = read_rendered(arguments.shots, split="validation", each=8)
    print(f"{len(rendered.frames)} rendered and {len(real.frames)} real pictures, {len(kept.frames)} to measure on")
    _tune(rendered, real, kept, arguments)


def _tune(rendered: Pictures, real: Pictures, kept: Pictures, arguments: argparse.Namespace) -> None:
    import keras
    import tensorflow as tf

    from framestream_export.encoders.building import build_encoder
    from framestream_export.encoders.movenet import HEADS
    from pose_tuning.losses import loss_to_joints, loss_to_teacher

    keras.utils.set_random_seed(arguments.seed)
    encoder, teacher = (build_encoder("MoveNetLightning", size=SIZE, feature_dim=1, weights="people") for _ in range(2))
    network, wanted = (
        keras.Model(one.input, {name: one.get_layer(f"{name}_first").input for name in HEADS})
        for one in (encoder, teacher)
    )
    for layer in network.layers:
        layer.trainable = not layer.name.startswith(_FROZEN)
    rate = keras.optimizers.schedules.CosineDecay(
        0.05 * arguments.learning_rate,
        arguments.steps,
        alpha=0.02,
        warmup_target=arguments.learning_rate,
        warmup_steps=max(arguments.steps // 10, 1),
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    optimizer.build(network.trainable_variables)

    def step(frames: Any, joints: Any) -> Any:
        said = wanted(frames[_RENDERED:], training=False)
        with tf.GradientTape() as tape:
            heads = network(frames, training=True)
            losses = (
                loss_to_joints({name: head[:_RENDERED] for name, head in heads.items()}, joints),
                loss_to_teacher({name: head[_RENDERED:] for name, head in heads.items()}, said),
            )
            loss = losses[0] + losses[1]
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.stack(losses)

    step_graph = tf.function(step)
    print(f"before: {_describe(encoder, kept)}", flush=True)
    rng = np.random.default_rng(arguments.seed)
    started, losses = time.monotonic(), []
    for number in range(1, arguments.steps + 1):
        frames, joints = rendered.draw(rng, _RENDERED)
        others, _ = real.draw(rng, _REAL)
        losses.append(np.asarray(step_graph(tf.constant(np.concatenate([frames, others])), tf.constant(joints))))
        if number % _REPORT_EVERY == 0 or number == arguments.steps:
            of_rendered, of_real = np.mean(losses, axis=0)
            seconds = time.monotonic() - started
            print(f"step {number}: rendered {of_rendered:.2f}, real {of_real:.2f}, {seconds:.0f} s", flush=True)
            losses.clear()
    # Models store them as float16: heads are to learn from the joints that will be found with those.
    encoder.set_weights([weight.astype(np.float16).astype(np.float32) for weight in encoder.get_weights()])
    print(f"after: {_describe(encoder, kept)}")
    encoder.save_weights(arguments.output)


def _describe(encoder: Any, kept: Pictures) -> str:
    """How near the joints found on rendered pictures are to the true ones."""
    found: NDArray[np.float32] = np.asarray(encoder.predict(kept.frames.astype(np.float32), batch_size=32, verbose=0))
    found = found.reshape(len(found), -1, 3)
    assert kept.joints is not None
    away = np.hypot(*np.moveaxis(found[..., :2] - kept.joints, -1, 0))
    seen: NDArray[np.bool_] = np.all((kept.joints > 0) & (kept.joints < 1), axis=-1)
    all_joints, wrists = (float((away[:, some][seen[:, some]] < 0.05).mean()) for some in (slice(None), _WRISTS))
    return f"{all_joints:.3f} of joints within 0.05 of the picture, {wrists:.3f} of wrists"


if __name__ == "__main__":
    main()
