"""What the variants of a model are, what each promises, and what was measured on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from framestream.errors import MetadataError, SettingsError
from framestream.model.spec import KEY_PREFIX
from framestream_export.exporting.parity import PARITY_LIMIT

_KEYS = ("variant", "variant_parity", "variant_accuracy", "variant_drop", "variant_flips", "variant_answers")


@dataclass(frozen=True, slots=True)
class Variant:
    """A form that a model can be written in.

    Attributes:
        name: The variant's name, as in `--variant` and in the metadata key `framestream.variant`.
        parity_limit: Largest difference to Keras's probabilities; None where decisions are what counts.
        lstm_nodes: LSTM operators in its graph, if the model has an LSTM.
        suffix: Suffix of the variant's file.
        purpose: What the variant is for, half a sentence.
        provider: Execution provider of ONNX Runtime that it is meant for.
    """

    name: str
    parity_limit: float | None
    lstm_nodes: int
    suffix: str
    purpose: str
    provider: str = "CPUExecutionProvider"

    def lstm_nodes_of(self, head: str | None) -> int:
        """LSTM operators in its graph of a model with this head; of files that do not say, an LSTM's."""
        return 0 if head == "mean" else self.lstm_nodes


VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("float32", PARITY_LIMIT, 1, ".onnx", "the model as it was trained; runs anywhere"),
        Variant(
            "float16",
            5e-3,
            1,
            ".onnx",
            "half the size of the encoder, for GPUs; state and probabilities stay float32",
            "CUDAExecutionProvider",
        ),
        Variant("int8", None, 1, ".onnx", "whole numbers in the encoder, for CPUs with VNNI or dot products, and NPUs"),
        Variant("static", PARITY_LIMIT, 1, ".onnx", "one camera, one frame, fixed shapes: for compilers"),
        Variant("no-lstm-op", PARITY_LIMIT, 0, ".onnx", "the LSTM written out, for accelerators that have none"),
        Variant("ort", PARITY_LIMIT, 1, ".ort", "float32 in ONNX Runtime's own format, for its mobile builds"),
    )
}


def find_variant(name: str) -> Variant:
    """The variant of a name.

    Raises:
        SettingsError: No variant has that name.
    """
    if name not in VARIANTS:
        raise SettingsError(f"no variant {name!r}; there are {', '.join(VARIANTS)}")
    return VARIANTS[name]


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """What was measured of a variant, on the clips that the run kept out of training.

    Attributes:
        variant: Name of the variant.
        parity: Largest difference of a probability to Keras's, on the run's parity frames.
        accuracy: Share of held-out predictions that are right, 0 to 1; None where none were measured (float32 alone).
        drop: Accuracy of float32 less this one's; negative where this one is better.
        flips: Share of held-out predictions whose likeliest class is another one than float32's.
        predictions: Number of predictions that were compared.
    """

    variant: str
    parity: float
    accuracy: float | None = None
    drop: float | None = None
    flips: float | None = None
    predictions: int = 0

    def to_metadata(self) -> dict[str, str]:
        """Flat strings for the file; what was not measured has no key."""
        values = (self.variant, self.parity, self.accuracy, self.drop, self.flips, self.predictions)
        return {
            f"{KEY_PREFIX}{key}": value if isinstance(value, str) else repr(value)
            for key, value in zip(_KEYS, values, strict=True)
            if value is not None
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> VariantFigures | None:
        """Read the keys that `to_metadata` writes; None for a file written before there were variants.

        Raises:
            MetadataError: A value is no number.
        """
        found = {key: metadata[f"{KEY_PREFIX}{key}"] for key in _KEYS if f"{KEY_PREFIX}{key}" in metadata}
        if "variant" not in found:
            return None
        numbers = ("variant_accuracy", "variant_drop", "variant_flips")
        try:
            accuracy, drop, flips = (float(found[key]) if key in found else None for key in numbers)
            parity, predictions = float(found["variant_parity"]), int(found["variant_answers"])
        except (KeyError, ValueError) as error:
            raise MetadataError(f"the keys {KEY_PREFIX}variant_… cannot be used ({error}); export it again") from error
        return cls(found["variant"], parity, accuracy, drop, flips, predictions)
