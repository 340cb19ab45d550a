"""Class weights in a head's answers: put in for training, taken out when it is done."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framestream_export.training.model import HeadNetwork


def unweigh_classes(head: HeadNetwork, weights: NDArray[np.float32]) -> None:
    """Undo the class weights in a head's answers.

    Class weights w make training converge to probabilities in proportion to w x p: as if all labels were equally
    common. Taking log w off the logits gives p, so that a score means what it says, above all between the
    background, of which there is much, and the rest.
    """
    bias = head.head.get_layer("logits").bias
    bias.assign(bias - np.log(weights))


def weigh_classes(head: HeadNetwork, weights: NDArray[np.float32]) -> None:
    """The inverse of `unweigh_classes`, to go on training."""
    bias = head.head.get_layer("logits").bias
    bias.assign(bias + np.log(weights))
