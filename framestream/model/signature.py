"""What a graph takes and gives, held against the streaming contract."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framestream.errors import SignatureError
from framestream.model.spec import FRAMES, ModelSpec

PROBABILITIES = "probabilities"
NEXT_PREFIX = "next_"
WINDOW_STATE = "features"
"""State of a window model: the features of the last `window - 1` frames."""

# Float32 of one camera, 256 MiB: beyond, a shape is a mistake.
_MOST_STATE_VALUES = 1 << 26
_LONGEST_LIST = 200


def check_signature(session: Any, spec: ModelSpec, path: Path) -> dict[str, tuple[int, ...]]:
    """Compare inputs and outputs with the contract; return the shape of each state without its cameras axis.

    Args:
        session: ONNX Runtime's own, open.
        spec: What the model says about itself.
        path: The model's file, for messages.

    Raises:
        SignatureError: They are not what the contract asks for.
    """
    inputs = {item.name: item for item in session.get_inputs()}
    outputs = {item.name: item for item in session.get_outputs()}
    wanted_inputs = [FRAMES, *spec.state_names]
    wanted_outputs = [PROBABILITIES, *(NEXT_PREFIX + name for name in spec.state_names), *(spec.outputs or ())]
    for side, found, wanted in (("inputs", inputs, wanted_inputs), ("outputs", outputs, wanted_outputs)):
        if set(found) != set(wanted):
            raise SignatureError(
                f"{path}: {side} are {_listed(sorted(found))}; the contract asks for {_listed(wanted)}; "
                "use a file written by `framestream export`"
            )
    _check_tensor(path, inputs[FRAMES], "uint8", (None, None, spec.height, spec.width, 3))
    _check_tensor(path, outputs[PROBABILITIES], "float", (None, None, len(spec.labels)))
    shapes: dict[str, tuple[int, ...]] = {}
    for name in spec.state_names:
        tail = tuple(inputs[name].shape[1:])
        if not tail or not all(isinstance(size, int) and size > 0 for size in tail):
            raise SignatureError(
                f"{path}: state {name} has shape {inputs[name].shape}; all axes but the first must be fixed"
            )
        if math.prod(tail) > _MOST_STATE_VALUES:
            raise SignatureError(
                f"{path}: state {name} has shape {inputs[name].shape}, more than {_MOST_STATE_VALUES} values a camera; "
                "export a smaller model"
            )
        _check_tensor(path, inputs[name], "float", (None, *tail))
        _check_tensor(path, outputs[NEXT_PREFIX + name], "float", (None, *tail))
        shapes[name] = tail
    if spec.kind == "window" and spec.window > 1 and shapes.get(WINDOW_STATE, (0,))[0] != spec.window - 1:
        raise SignatureError(
            f"{path}: framestream.window is {spec.window}, so the state must be {WINDOW_STATE} of {spec.window - 1} "
            f"frames, but the graph has {', '.join(f'{name} {list(tail)}' for name, tail in shapes.items())}; "
            "export the model again"
        )
    return shapes


def _check_tensor(path: Path, tensor: Any, element: str, wanted: tuple[int | None, ...]) -> None:
    """Check element type and shape; None in `wanted` is an axis that must be dynamic, or fixed to one."""
    # Where the graph does not say a size that the contract fixes, the warm-up run checks it.
    found = list(tensor.shape)
    fits = len(found) == len(wanted) and all(
        not isinstance(size, int) or size == (1 if want is None else want)
        for size, want in zip(found, wanted, strict=True)
    )
    if tensor.type != f"tensor({element})" or not fits:
        axes = ", ".join("dynamic or 1" if want is None else str(want) for want in wanted)
        raise SignatureError(
            f"{path}: {tensor.name} is {tensor.type} {found}; the contract asks for tensor({element}) [{axes}]; "
            "use a file written by `framestream export`"
        )


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    return listed if len(listed) <= _LONGEST_LIST else f"{listed[:_LONGEST_LIST]}…"
