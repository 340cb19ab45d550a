"""How much accuracy a variant may lose before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framestream.errors import ModelError, SettingsError
from framestream_export.exporting.figures import Variant, VariantFigures


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits a variant must keep to be written.

    Attributes:
        max_drop: Largest loss of accuracy against float32, 0 to 1.
        max_flips: Largest share of predictions whose likeliest class may be another, 0 to 1.
    """

    max_drop: float = 0.01
    max_flips: float = 0.02

    def __post_init__(self) -> None:
        """Refuse limits that are no shares."""
        for name, value in (("max_drop", self.max_drop), ("max_flips", self.max_flips)):
            if not 0 <= value <= 1:
                raise SettingsError(f"{name} must be 0 to 100 %, not {value:.4g} of 1")

    def check(self, figures: VariantFigures, variant: Variant) -> None:
        """Check the figures of a variant.

        Raises:
            ModelError: The variant loses too much; the message has the figures.
        """
        limit = np.inf if variant.parity_limit is None else variant.parity_limit
        # Written so that what is no number does not pass.
        if not (np.isfinite(figures.parity) and figures.parity <= limit):
            raise ModelError(
                f"{variant.name} is refused: ONNX differs from Keras by {figures.parity:.2e} on real frames; the limit"
                f" is {limit:.0e}"
            )
        if figures.accuracy is None or figures.drop is None or figures.flips is None:
            return
        measured = f"{variant.name} is refused: on {figures.predictions} held-out predictions"
        if not figures.flips <= self.max_flips:
            raise ModelError(
                f"{measured} {100 * figures.flips:.2f} % of its decisions are not float32's, and at most"
                f" {100 * self.max_flips:g} % may be; use another variant"
            )
        if not figures.drop <= self.max_drop:
            raise ModelError(
                f"{measured} its accuracy is {figures.accuracy:.4f}, {100 * figures.drop:.2f} points below float32's,"
                f" and at most {100 * self.max_drop:g} may be lost; use another variant, or allow more with --max-drop"
            )


def compare(
    variant: Variant,
    parity: float,
    predictions: NDArray[np.float32],
    reference: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> VariantFigures:
    """The figures of a variant from its predictions on held-out clips, those of float32, and the true labels."""
    predicted, expected = predictions.argmax(axis=1), reference.argmax(axis=1)
    accuracy, before = float((predicted == labels).mean()), float((expected == labels).mean())
    flips = float((predicted != expected).mean())
    return VariantFigures(variant.name, parity, accuracy, before - accuracy, flips, len(labels))
