"""Teach the small encoder where a person's joints are, before it learns what people do.

    python samples/pretrain_encoder.py people.weights.h5 --scenes 12000 --seed 21 --jobs 2
    framestream train DATA --output RUN --preset tiny --weights people.weights.h5

Classifying windows is a weak teacher for a network that has never seen a person: one label for sixteen frames. The
renderer knows more, namely where every joint is in every picture. An encoder that has learnt that needs a small part
of the labelled clips. Only the encoder is kept; its weights go to `framestream train --weights`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from numpy.typing import NDArray

from footage.motions import LABELS
from footage.scenes import draw_empty_scene, draw_scene, draw_script
from framestream.sampling.resize import fit_frame

SIZE = 96
#: Middle joints, then pairs. Left and right are told apart by their place in the picture, not by whose they are.
_MIDDLE = ("head", "neck", "pelvis")
_PAIRED = ("shoulder", "elbow", "hand", "hip", "knee", "ankle")
_JOINTS = (*_MIDDLE, *(f"{side}_{name}" for name in _PAIRED for side in ("left", "right")))
#: Per picture: x and y of each joint as shares of the picture, whether it is in sight, whether anybody is, the label.
_COLUMNS = 3 * len(_JOINTS) + 2


def main() -> None:
    """Render, train, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="weights file to write, NAME.weights.h5")
    parser.add_argument("--scenes", type=int, default=12000)
    parser.add_argument("--pictures", type=int, default=6, help="pictures of each scene")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--feature-dim", type=int, default=128)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--jobs", type=int, default=1, help="processes that render")
    arguments = parser.parse_args()
    started = time.monotonic()
    pictures, targets = _render(arguments)
    print(f"{len(pictures)} pictures rendered in {time.monotonic() - started:.0f} s", flush=True)
    _train(pictures, targets, arguments)


def _render(arguments: argparse.Namespace) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    work = partial(_render_scene, arguments.seed, arguments.pictures)
    pictures = np.empty((arguments.scenes * arguments.pictures, SIZE, SIZE, 3), np.uint8)
    targets = np.empty((len(pictures), _COLUMNS), np.float32)
    with ProcessPoolExecutor(arguments.jobs, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for number, (some, wanted) in enumerate(pool.map(work, range(arguments.scenes), chunksize=16)):
            place = slice(number * arguments.pictures, (number + 1) * arguments.pictures)
            pictures[place], targets[place] = some, wanted
    return pictures, targets


def _render_scene(seed: int, count: int, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng([seed, 3000, number])
    if number % 12 == 11:
        scene = draw_empty_scene(rng, seconds=4.0)
    else:
        labels, posture = draw_script(rng, 3)
        scene = draw_scene(rng, labels, posture=posture)
    pictures = np.empty((count, SIZE, SIZE, 3), np.uint8)
    targets = np.zeros((count, _COLUMNS), np.float32)
    for row, seconds in enumerate(np.sort(rng.uniform(0, scene.performance.seconds, count))):
        pictures[row] = fit_frame(scene.render(float(seconds), row), size_wh=(SIZE, SIZE))
        label = next(part.label for part in scene.segments if seconds <= part.end)
        targets[row, -1] = LABELS.index(label)
        landmarks = scene.landmarks(float(seconds), _JOINTS)
        if landmarks is not None:
            shares = landmarks / np.array(scene.camera.size_wh)
            seen = ((shares > -0.05) & (shares < 1.05)).all(axis=1)
            targets[row, : 2 * len(_JOINTS)] = np.clip(shares, -0.1, 1.1).ravel()
            targets[row, 2 * len(_JOINTS) : -2] = seen
            targets[row, -2] = 1.0
    return pictures, targets


def _batches(
    pictures: NDArray[np.uint8], targets: NDArray[np.float32], rng: np.random.Generator, *, size: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Shuffled batches, each picture mirrored or not and lit anew."""
    order = rng.permutation(len(pictures))
    for first in range(0, len(order) - size + 1, size):
        chosen = np.sort(order[first : first + size])
        some, wanted = pictures[chosen].copy(), targets[chosen].copy()
        for row in range(size):
            if rng.random() < 0.5:
                some[row] = some[row, :, ::-1]
                wanted[row, 0 : 2 * len(_JOINTS) : 2] = 1 - wanted[row, 0 : 2 * len(_JOINTS) : 2]
            gain, shift = 1 + 0.35 * rng.uniform(-1, 1), 40 * rng.uniform(-1, 1)
            table = np.clip((np.arange(256) - 127.5) * gain + 127.5 + shift, 0, 255).astype(np.uint8)
            some[row] = cv2.LUT(some[row], table)
        yield some, _in_picture_order(wanted)


def _in_picture_order(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Order the two joints of each pair by their column in the picture."""
    ordered = targets.copy()
    for pair in range(len(_PAIRED)):
        left = len(_MIDDLE) + 2 * pair
        swap = targets[:, 2 * left] > targets[:, 2 * left + 2]
        for offset, width in ((0, 2), (2 * len(_JOINTS), 1)):
            one = slice(offset + width * left, offset + width * (left + 1))
            other = slice(offset + width * (left + 1), offset + width * (left + 2))
            ordered[swap, one], ordered[swap, other] = targets[swap, other], targets[swap, one]
    return ordered


def _train(pictures: NDArray[np.uint8], targets: NDArray[np.float32], arguments: argparse.Namespace) -> None:
    import keras
    import tensorflow as tf

    from framestream_export.encoders.building import build_encoder

    keras.utils.set_random_seed(arguments.seed)
    encoder = build_encoder("small", size=SIZE, feature_dim=arguments.feature_dim)
    outputs = keras.layers.Dense(2 * len(_JOINTS) + 1 + len(LABELS), name="joints")(encoder.output)
    network = keras.Model(encoder.input, outputs)
    batch = 32
    held_out = max(len(pictures) // 20, batch)
    steps = (len(pictures) - held_out) // batch
    rate = keras.optimizers.schedules.CosineDecay(
        2e-4, arguments.epochs * steps, alpha=0.02, warmup_target=2e-3, warmup_steps=steps // 4
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-4, global_clipnorm=1.0)
    optimizer.build(network.trainable_variables)

    def losses(raw: Any, wanted: Any) -> tuple[Any, Any]:
        joints = 2 * len(_JOINTS)
        seen = tf.repeat(wanted[:, joints:-2], 2, axis=1)
        apart = tf.abs(raw[:, :joints] - wanted[:, :joints]) * seen
        distance = tf.reduce_sum(apart) / (tf.reduce_sum(seen) + 1e-6)
        anybody = tf.nn.sigmoid_cross_entropy_with_logits(wanted[:, -2], raw[:, joints])
        doing = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(wanted[:, -1], tf.int32), raw[:, joints + 1 :])
        return 10 * distance + 0.2 * tf.reduce_mean(anybody) + 0.2 * tf.reduce_mean(doing), distance

    def step(some: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            loss, distance = losses(network(tf.cast(some, tf.float32), training=True), wanted)
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.stack([loss, distance])

    def check(some: Any, wanted: Any) -> Any:
        return tf.stack(losses(network(tf.cast(some, tf.float32), training=False), wanted))

    step_graph, check_graph = (tf.function(one, reduce_retracing=True) for one in (step, check))
    checks = [
        (pictures[first : first + batch], _in_picture_order(targets[first : first + batch]))
        for first in range(len(pictures) - held_out, len(pictures) - batch + 1, batch)
    ]
    for epoch in range(arguments.epochs):
        started = time.monotonic()
        rng = np.random.default_rng([arguments.seed, epoch])
        batches = _batches(pictures[:-held_out], targets[:-held_out], rng, size=batch)
        train = np.mean([np.asarray(step_graph(some, wanted)) for some, wanted in batches], axis=0)
        test = np.mean([np.asarray(check_graph(some, wanted)) for some, wanted in checks], axis=0)
        print(
            f"epoch {epoch + 1}/{arguments.epochs}  loss {train[0]:.3f}  held out {test[0]:.3f}"
            f"  joints off by {100 * test[1]:.1f} % of the picture  {time.monotonic() - started:.0f} s",
            flush=True,
        )
        encoder.save_weights(arguments.output)


if __name__ == "__main__":
    main()
