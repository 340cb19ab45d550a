"""Frame encoders: RGB bytes in, one feature vector per frame out, normalisation inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from framestream.errors import SettingsError
from framestream_export.encoders.backbones import IMAGENET, build_backbone
from framestream_export.encoders.designs import DESIGNS, EncoderName
from framestream_export.encoders.weights_file import load_weights_file
from framestream_export.run_folder import ENCODER_FILE

NAMED_WEIGHTS = ("none", "people", IMAGENET)
"""What `--weights` knows by name; anything else is a path."""

_TORCH_SUFFIX = ".pth"


def build_encoder(
    name: str, *, size: int, feature_dim: int, weights: str = "none", freeze: bool = False, restored: bool = False
) -> Any:
    """A Keras model from frames float32 or uint8 [N, size, size, 3], RGB 0..255, to features [N, D].

    Args:
        name: Name in `designs.DESIGNS` or of a keras.applications backbone, in any case.
        size: Height and width of the frames, pixels.
        feature_dim: D of the small encoder; D of the others is their own.
        weights: "none"; "people" (both come with the package: of the small encoder, 96 px, which has learnt where a
            person's joints are on rendered footage, and of MoveNetLightning, which has learnt it on real people);
            "imagenet" (EfficientNetLite0: from an installed package, see `lite0_weights`; backbones: Keras downloads
            them); a weights file of the same network (of a backbone: without its classification layer; of
            EfficientNetLite0 also PyTorch's, .pth); or the folder of a finished run with the same encoder. A folder or
            file of one of these names is written ./people.
        freeze: Keep the encoder's weights, and its batch statistics, as they are.
        restored: A checkpoint is going to set the weights: do not read them from where they first came from.

    Raises:
        SettingsError: Unknown name, or an option that does not go with it.
        DataError: Weights that cannot be had or do not fit.
        MissingDependencyError: The package that holds the weights is not installed.
    """
    parsed = EncoderName.parse(name)
    source = weights.lower() if weights.lower() in NAMED_WEIGHTS else weights
    if freeze and source == "none":
        raise SettingsError("freezing an encoder with random weights leaves nothing to learn from; give it weights")
    _check_named(parsed.name, source)
    first = "none" if restored else source
    design = DESIGNS.get(parsed.name)
    if design is None:
        encoder, network = build_backbone(parsed.name, size=size, alpha=parsed.alpha, weights=first)
    else:
        encoder = network = design.build(size, feature_dim)
    if design is not None and first in design.weights:
        design.weights[first](network)
    elif first not in NAMED_WEIGHTS:
        _load(encoder, network, Path(first), name=parsed)
    network.trainable = not freeze
    return encoder


def _check_named(name: str, source: str) -> None:
    """Refuse weights of a name that this encoder has none of."""
    existing = ("none", *DESIGNS[name].weights) if name in DESIGNS else ("none", IMAGENET)
    if source in NAMED_WEIGHTS and source not in existing:
        raise SettingsError(f"there are no {source} weights for {name}; give {', '.join(existing)}, a file or a run")


def _load(encoder: Any, network: Any, path: Path, *, name: EncoderName) -> None:
    """Set weights from a file of `network`, or from a run, which keeps all of `encoder`."""
    design = DESIGNS.get(name.name)
    if path.is_dir():
        load_weights_file(encoder, path / ENCODER_FILE, name=str(name))
    elif design is not None and design.load_pth is not None and path.suffix == _TORCH_SUFFIX:
        design.load_pth(network, path)
    else:
        load_weights_file(network, path, name=str(name))
