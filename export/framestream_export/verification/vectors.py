"""Golden vectors of a model: sequences of data sets, and `vectors.json`, which lists the data sets of each sequence.

The sets of a sequence are a stream: the state that goes into one is the state that came out of the one before, and
zeros go into the first. Who replays them with state of their own sees at once if they feed back the wrong output.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError
from framestream.model.onnx_runtime import CPU, runtime_version
from framestream.model.session import PROBABILITIES, GraphRun, Tensors
from framestream.model.spec import FRAMES, ModelSpec
from framestream_export.verification.tensor_files import DataSet, write_data_set

VECTORS_FILE = "vectors.json"
_VERSION = 1
_PREDICTIONS = 9
_LEAST_FRAMES = 24
_LAST_STEPS = 3


@dataclass(frozen=True, slots=True)
class VectorFacts:
    """The content of vectors.json.

    Attributes:
        model: Name of the file they belong to.
        digest: Digest of that file.
        limit: Largest difference of a tensor, as a share of its largest value (of 1 if that is less), on the CPU.
        elsewhere_limit: Largest difference of a tensor on other providers than the CPU, as a share like `limit`.
        made_by: Program and version that computed the vectors.
        sequences: Numbers of the data sets that are one stream, by name.
    """

    model: str
    digest: str
    limit: float
    elsewhere_limit: float
    made_by: str
    sequences: Mapping[str, tuple[int, ...]]

    def to_json(self) -> str:
        """Return the text of vectors.json."""
        facts = {
            "version": _VERSION,
            "model": self.model,
            "digest": self.digest,
            "limit": self.limit,
            "elsewhere_limit": self.elsewhere_limit,
            "made_by": self.made_by,
            "sequences": [{"name": name, "sets": list(sets)} for name, sets in self.sequences.items()],
        }
        return json.dumps(facts, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> VectorFacts:
        """Read a file that holds the text of `to_json`.

        Raises:
            DataError: The file cannot be read.
        """
        try:
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if facts["version"] != _VERSION:
                raise ValueError(f"version {facts['version']}")
            sequences = {str(one["name"]): tuple(int(number) for number in one["sets"]) for one in facts["sequences"]}
            limits = float(facts["limit"]), float(facts["elsewhere_limit"])
            return cls(str(facts["model"]), str(facts["digest"]), *limits, str(facts["made_by"]), sequences)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} cannot be used ({error!r}); get the hand-off folder again") from error

    def limit_on(self, provider: str) -> float:
        """The limit that holds on an execution provider."""
        return self.limit if provider == CPU else self.elsewhere_limit


def write_vectors(
    run: GraphRun,
    spec: ModelSpec,
    frames: NDArray[np.uint8],
    folder: Path,
    *,
    digest: str,
    limit: float,
    elsewhere_limit: float,
) -> VectorFacts:
    """Write data sets and vectors.json for a model.

    Args:
        run: The model, on the CPU.
        spec: The model's specification.
        frames: uint8 [sequences, frames, H, W, 3]; see `choose_sequences`.
        folder: Folder that the vectors are written to.
        digest: Digest of the model file.
        limit: Largest difference on the CPU, as in `VectorFacts`.
        elsewhere_limit: Largest difference on other providers, as in `VectorFacts`.
    """
    sequences: dict[str, tuple[int, ...]] = {}
    number = 0
    for name, portions in _plan(run, frames):
        state: Tensors = run.zero_state(portions[0].shape[0])
        first = number
        for portion in portions:
            inputs: Tensors = {FRAMES: portion, **state}
            outputs = run.run(inputs)
            write_data_set(folder, DataSet(number, inputs, outputs))
            state = run.next_state(outputs)
            number += 1
        sequences[name] = tuple(range(first, number))
    made_by = f"ONNX Runtime {runtime_version()}, {run.provider}"
    facts = VectorFacts(run.path.name, digest, limit, elsewhere_limit, made_by, sequences)
    (folder / VECTORS_FILE).write_text(facts.to_json(), encoding="utf-8")
    return facts


def choose_sequences(
    rows: NDArray[np.float32], frames: NDArray[np.uint8], *, window: int, count: int = 3
) -> NDArray[np.uint8]:
    """The sequences that try a model most: those with the most different labels and then the
    surest predictions.

    Args:
        rows: float32 [sequences, predictions, classes], what the model predicts about the frames.
        frames: uint8 [sequences, frames, H, W, 3].
        window: Frames that a prediction is made from.
        count: Number of sequences to return.

    Returns:
        As `frames`, fewer sequences and no longer than they need to be.
    """
    length = min(max(window - 1 + _PREDICTIONS, _LEAST_FRAMES), frames.shape[1])
    seen = rows[:, : length - window + 1]
    variety = [len(np.unique(one.argmax(axis=-1))) for one in seen]
    # Stable, so that the same run gives the same vectors.
    order = np.lexsort((-seen.max(axis=-1).mean(axis=-1), -np.array(variety)))
    return np.ascontiguousarray(frames[order[:count], :length])


def _plan(run: GraphRun, frames: NDArray[np.uint8]) -> Iterator[tuple[str, Sequence[NDArray[np.uint8]]]]:
    """Sequences by name, in portions [cameras, steps, H, W, 3]."""
    length = frames.shape[1]
    yield "one camera, frame by frame", [frames[:1, index : index + 1] for index in range(length)]
    if run.one_step or run.one_camera or len(frames) < 2:
        return
    cuts = sorted({0, max(0, length - 2 * _LAST_STEPS), max(0, length - _LAST_STEPS), length})
    cameras = frames[1:]
    portions = [np.ascontiguousarray(cameras[:, begin:end]) for begin, end in pairwise(cuts)]
    yield f"{len(cameras)} cameras, several frames at once", portions


def predictions_in(data: DataSet, *, before: int, window: int) -> int:
    """Count a set's rows that are of a whole window and so predictions; `before` rows came before the set."""
    shape = data.outputs[PROBABILITIES].shape
    return int(shape[0]) * max(0, min(int(shape[1]), before + int(shape[1]) - (window - 1)))
