"""Triton's `config.pbtxt` for a model of the streaming contract.

The cameras axis is Triton's batch axis, so it is in none of the `dims`. A camera is a sequence: Triton keeps its state
between requests (implicit state) and starts it from zeros. The graph needs no control inputs, since zeros are all that
the start of a stream means to it.

The sequence batcher's `oldest` strategy, not `direct`: it batches whichever cameras have a request waiting. `direct`
gives every camera a row of its own in each batch and computes the rows of those that have nothing, too. A model with
a `sequence_batching` cannot have a `dynamic_batching` section: `oldest` is the dynamic batcher, with its delay inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from framestream.errors import SettingsError
from framestream.sampling.clock import MAX_HOLD_SECONDS
from framestream_export.triton.served_model import ServedModel, State, Tensor

LABELS_FILE = "labels.txt"
_IDLE_FRAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonSettings:
    """How Triton shall serve a model; every setting can be changed in the written file.

    Attributes:
        max_batch_size: Most cameras in one run.
        max_candidate_sequences: Most cameras that one instance of the model serves. More would wait until one of them
            ends, which cameras do not; and Triton's default is none.
        delay_share: Part of a frame's time that a request may wait for other cameras to fill its batch.
    """

    max_batch_size: int = 32
    max_candidate_sequences: int = 1024
    delay_share: float = 0.05

    def __post_init__(self) -> None:
        """Raise SettingsError for a value out of range."""
        for name in ("max_batch_size", "max_candidate_sequences"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}: give 1 or more")
        if not 0 <= self.delay_share <= 1:
            raise SettingsError(f"delay_share is {self.delay_share}: give a share of a frame's time, 0 to 1")


def config_text(name: str, model: ServedModel, serving: TritonSettings) -> str:
    """Return the content of `config.pbtxt`.

    Args:
        name: The model's name on the server, which is that of its folder.
        model: The model that is served.
        serving: How Triton shall serve the model.
    """
    rate = model.spec.frame_rate
    # A pause longer than a picture may stand still starts a stream anew anyway. Clients that send many frames at
    # once are silent for as long.
    idle_seconds = max(2 * MAX_HOLD_SECONDS, _IDLE_FRAMES / rate)
    lines = [
        "# Written by `framestream export --triton`. Numbers may be changed; names and dims are those of the graph.",
        f"name: {quoted(name)}",
        'backend: "onnxruntime"',
        "",
        "# Cameras in one run. Triton's batch axis is the graph's first, so no dims below mention it.",
        f"max_batch_size: {serving.max_batch_size}",
        "",
        "# RGB bytes [steps, height, width, 3]. A request carries one camera and any number of steps.",
        f"input [ {{ {_described(model.frames)} }} ]",
        f"output [ {{ {_described(model.probabilities)} label_filename: {quoted(LABELS_FILE)} }} ]",
        "",
        "# A camera is a sequence. Triton feeds each state back to it, from zeros at sequence_start.",
        "sequence_batching {",
        f"  max_sequence_idle_microseconds: {round(idle_seconds * 1e6)}",
        "  oldest {",
        "    # Cameras an instance can look after. Beyond that they wait until another ends its sequence.",
        f"    max_candidate_sequences: {serving.max_candidate_sequences}",
        "    # How long a request waits for other cameras.",
        f"    max_queue_delay_microseconds: {round(serving.delay_share / rate * 1e6)}",
        "  }",
        *(f"  {line}" for state in model.states for line in _state(state)),
        "}",
        "",
        "# The model's own facts, so that clients need nothing but the server.",
        *(_parameter(key, value) for key, value in model.spec.to_metadata().items()),
    ]
    return "\n".join(lines) + "\n"


def _state(state: State) -> Iterator[str]:
    before, after = state.before, state.after
    dims = ", ".join(map(str, before.dims))
    yield "state {"
    yield f"  input_name: {quoted(before.name)}"
    yield f"  output_name: {quoted(after.name)}"
    yield f"  data_type: {before.data_type}"
    yield f"  dims: [ {dims} ]"
    # Without it the first request of a sequence would find whatever was in memory.
    yield f'  initial_state {{ name: "zeros" data_type: {before.data_type} dims: [ {dims} ] zero_data: true }}'
    yield "}"


def _described(tensor: Tensor) -> str:
    dims = ", ".join(map(str, tensor.dims))
    return f"name: {quoted(tensor.name)} data_type: {tensor.data_type} dims: [ {dims} ]"


def _parameter(key: str, value: str) -> str:
    return f"parameters {{ key: {quoted(key)} value {{ string_value: {quoted(value)} }} }}"


def quoted(text: str) -> str:
    """Return a string literal of protobuf's text format."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
    # Control characters by octal number, the only way all readers know; the rest of Unicode stands for itself.
    return '"' + "".join(escapes.get(sign, sign if sign >= " " else f"\\{ord(sign):03o}") for sign in text) + '"'
