"""What training runs on: the GPUs there are, so many of them, or the CPU; said as it is, never another in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from framestream.errors import SettingsError

AUTO = "auto"
CPU = "cpu"
_HALF_SINCE = (7, 0)
_BFLOAT16_SINCE = (8, 0)
_FLOAT16_LOSS_SCALE = 1024.0


@dataclass(frozen=True, slots=True)
class Precision:
    """The type of number in which an encoder that is trained on frames computes; its weights are float32 in any case.

    Attributes:
        policy: The name of the Keras dtype policy.
        loss_scale: Factor that multiplies the loss and divides the gradients again, so that small ones are not lost.
    """

    policy: str = "float32"
    loss_scale: float | None = None

    @property
    def mixed(self) -> bool:
        """Whether anything but the weights is of less than 32 bits."""
        return self.policy != "float32"


FLOAT32 = Precision()
BFLOAT16 = Precision("mixed_bfloat16")
FLOAT16 = Precision("mixed_float16", _FLOAT16_LOSS_SCALE)


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that a run is trained on.

    Attributes:
        names: TensorFlow's, the first of them for all that is not split: encoding, heads on features, measuring.
        hardware: The devices' names by their maker; empty for the CPU.
        precision: Precision of stages that train on frames.
        strategy: The tf.distribute.Strategy over all devices.
    """

    names: tuple[str, ...]
    hardware: tuple[str, ...]
    precision: Precision
    strategy: Any

    @classmethod
    def one(cls) -> Devices:
        """Return the one device that TensorFlow takes by itself: the first GPU if there is one, else the CPU."""
        return cls((), (), FLOAT32, tf.distribute.get_strategy())

    @property
    def count(self) -> int:
        """Over how many a batch is split."""
        return int(self.strategy.num_replicas_in_sync)

    def __str__(self) -> str:
        """Devices and precision in half a line."""
        count, split = len(self.names), ""
        if self.hardware:
            what = f"{count} GPU{'s' if count > 1 else ''} ({', '.join(self.hardware)})"
        else:
            what = "the CPU" if count == 1 else f"{count} CPU devices"
        if count > 1:
            split = "; batches of frames are split over them"
        if self.precision.mixed:
            split += f"; frames in mixed precision ({self.precision.policy.removeprefix('mixed_')})"
        return what + split

    def to_json(self) -> dict[str, Any]:
        """Return what run.json keeps of the devices."""
        return {"names": list(self.names), "hardware": list(self.hardware), "precision": self.precision.policy}


def choose_devices(wanted: str = AUTO) -> Devices:
    """Find devices, and keep TensorFlow from taking memory of GPUs that were not asked for.

    Args:
        wanted: "auto" (all GPUs, or the CPU where there is none), "cpu", or how many GPUs.

    Raises:
        SettingsError: The machine has fewer GPUs, or TensorFlow has begun to use others in this process.
    """
    gpus = tf.config.get_visible_devices("GPU")
    chosen = _chosen(wanted, gpus)
    try:
        tf.config.set_visible_devices(chosen, "GPU")
    except RuntimeError as error:  # it has started with more of them
        raise SettingsError(
            f"devices {wanted}: TensorFlow already uses {_counted(gpus)} in this process; set CUDA_VISIBLE_DEVICES"
            " before it starts"
        ) from error
    names = tuple(device.name for device in tf.config.list_logical_devices("GPU" if chosen else "CPU"))
    details = [tf.config.experimental.get_device_details(gpu) for gpu in chosen]
    return Devices(
        names,
        tuple(str(detail.get("device_name", "GPU")) for detail in details),
        precision_for([detail.get("compute_capability") for detail in details]),
        tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy(),
    )


def precision_for(capabilities: Sequence[tuple[int, int] | None]) -> Precision:
    """Mixed precision where all devices have fast arithmetic for it, float32 elsewhere.

    NVIDIA's GPUs multiply float16 in tensor cores since compute capability 7.0, bfloat16, which has the range of
    float32 and needs no scaled loss, since 8.0.

    Source: NVIDIA, "Train With Mixed Precision" (docs.nvidia.com/deeplearning/performance), tensorflow.org/guide/
    mixed_precision.

    Args:
        capabilities: Compute capability of each GPU, None where it has none; nothing for the CPU.
    """
    known = [capability for capability in capabilities if capability is not None]
    if not known or len(known) < len(capabilities) or min(known) < _HALF_SINCE:
        return FLOAT32
    return BFLOAT16 if min(known) >= _BFLOAT16_SINCE else FLOAT16


def _chosen(wanted: str, gpus: list[Any]) -> list[Any]:
    if wanted == AUTO:
        return gpus
    if wanted == CPU:
        return []
    if not wanted.isdecimal() or int(wanted) < 1:
        raise SettingsError(f"devices {wanted!r} is neither a number of GPUs from 1 nor one of {AUTO}, {CPU}")
    if int(wanted) > len(gpus):
        remedy = f"ask for {len(gpus)}" if gpus else 'see that nvidia-smi and pip install "tensorflow[and-cuda]" work'
        raise SettingsError(f"devices {wanted}: TensorFlow finds {_counted(gpus)} here; {remedy}, or use --devices cpu")
    return gpus[: int(wanted)]


def _counted(gpus: list[Any]) -> str:
    return "no GPU" if not gpus else f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}"
