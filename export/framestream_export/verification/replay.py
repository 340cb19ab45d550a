"""Replaying golden vectors in chained order: the state that came out of one run goes into the next, as in use.

The recorded next input is only compared, never fed, so that a state that is fed back wrongly, or drifts, shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framestream.errors import DataError, ModelError
from framestream.model.session import NEXT_PREFIX, PROBABILITIES, GraphRun, Tensors
from framestream.model.spec import FRAMES, ModelSpec
from framestream_export.verification.checks import Check
from framestream_export.verification.tensor_files import DataSet, read_data_sets
from framestream_export.verification.vectors import VECTORS_FILE, VectorFacts, predictions_in

# A decision with more of a lead must come out the same, however large the limit.
_CLEAR_LEAD = 0.1


def replay(run: GraphRun, spec: ModelSpec, folder: Path, *, digest: str | None) -> Iterator[Check]:
    """Run a model on the golden vectors in a folder.

    Args:
        run: The model, on any provider.
        spec: The model's specification.
        folder: Holds vectors.json and the data sets.
        digest: Digest of the model file as it is now; None where its format has none.

    Raises:
        DataError: The vectors cannot be read, or contradict themselves.
    """
    facts = VectorFacts.read(folder / VECTORS_FILE)
    sets = {data.number: data for data in read_data_sets(folder)}
    same = digest is None or digest == facts.digest
    measured = facts.made_by if same else f"made of another file ({facts.digest})"
    yield Check("golden vectors: of this file", measured, "the digest in vectors.json", same)
    for name, numbers in facts.sequences.items():
        missing = [number for number in numbers if number not in sets]
        if missing or not numbers:
            raise DataError(f"{folder} lacks test_data_set_{missing[0] if missing else 0}; get the folder again")
        stream = [sets[number] for number in numbers]
        _check_chain(folder, stream, run)
        yield _replay_stream(name, run, spec, stream, facts.limit_on(run.provider))


def _check_chain(folder: Path, stream: Sequence[DataSet], run: GraphRun) -> None:
    for index, data in enumerate(stream):
        if set(data.inputs) != {FRAMES, *run.states} or set(data.outputs) != set(run.outputs):
            raise DataError(f"{folder / data.name} is of a model with other inputs or outputs; get the folder again")
        before = None if index == 0 else stream[index - 1]
        for name in run.states:
            expected = np.zeros_like(data.inputs[name]) if before is None else before.outputs[NEXT_PREFIX + name]
            if not np.array_equal(data.inputs[name], expected):
                where = "zeros" if before is None else f"what came out of {before.name}"
                raise DataError(f"{folder / data.name}: {name} is not {where}; get the hand-off folder again")


@dataclass(slots=True)
class _Findings:
    """Differences that the replay of one stream has found so far."""

    limit: float
    largest: float = 0.0
    predictions: int = 0
    decisions: int = 0
    different: list[str] = field(default_factory=list)
    first: str | None = None

    def note(self, data: DataSet, text: str) -> None:
        if data.name not in self.different:
            self.different.append(data.name)
        self.first = self.first or f"{data.name}: {text}"


def _replay_stream(name: str, run: GraphRun, spec: ModelSpec, stream: Sequence[DataSet], limit: float) -> Check:
    findings, rows = _Findings(limit), 0
    state: Tensors = {key: stream[0].inputs[key] for key in run.states}
    for data in stream:
        try:
            found = run.run({FRAMES: data.inputs[FRAMES], **state})
        except ModelError as error:
            findings.note(data, str(error))
            break
        for output in run.outputs:
            _compare(findings, data, output, found)
        _compare_decisions(findings, spec, data, found[PROBABILITIES], before=rows)
        state = run.next_state(found)
        rows += data.inputs[FRAMES].shape[1]
    measured = f"{findings.largest:.1e}; {findings.predictions} predictions, {findings.decisions} other decisions"
    if findings.first is not None:
        measured = f"first difference in {findings.first}; {len(findings.different)} of {len(stream)} sets differ"
    return Check(f"golden vectors: {name}", measured, f"<= {limit:.0e}, same decisions", findings.first is None)


def _compare(findings: _Findings, data: DataSet, output: str, outputs: Tensors) -> None:
    expected, found = data.outputs[output], outputs[output]
    if expected.shape != found.shape or expected.dtype != found.dtype:
        findings.note(
            data, f"{output} is {found.dtype} {list(found.shape)}, not {expected.dtype} {list(expected.shape)}"
        )
        return
    distance = np.abs(found.astype(np.float64) - expected.astype(np.float64)) / _scale(expected)
    distance[~np.isfinite(distance)] = np.inf
    findings.largest = max(findings.largest, float(distance.max(initial=0.0)))
    if findings.largest > findings.limit and (distance > findings.limit).any():
        at = np.unravel_index(int(distance.argmax()), distance.shape)
        index = ", ".join(map(str, at))
        hint = _mistaken(findings, data, output, found)
        findings.note(data, f"{output}[{index}] is {found[at]:.6g}, not {expected[at]:.6g}{hint}")


def _mistaken(findings: _Findings, data: DataSet, output: str, found: NDArray[Any]) -> str:
    """Name the output whose values these are: state outputs that were confused."""
    for other, values in data.outputs.items():
        alike = other != output and values.shape == found.shape and values.any()
        if alike and (np.abs(found - values) <= findings.limit * _scale(values)).all():
            return f" (it holds what {other} should)"
    if output != PROBABILITIES and not found.any():
        return " (it is all zeros)"
    if output != PROBABILITIES:
        state = data.inputs[output.removeprefix(NEXT_PREFIX)]
        if state.any() and np.array_equal(found, state):
            return " (it is the state that went in)"
    return ""


def _scale(values: NDArray[Any]) -> float:
    return max(1.0, float(np.abs(values).max(initial=0.0)))


def _compare_decisions(
    findings: _Findings, spec: ModelSpec, data: DataSet, found: NDArray[Any], *, before: int
) -> None:
    expected = data.outputs[PROBABILITIES]
    predictions = predictions_in(data, before=before, window=spec.window)
    findings.predictions += predictions
    if not predictions or found.shape != expected.shape:
        return
    skipped = expected.shape[1] - predictions // expected.shape[0]
    for camera, step in np.ndindex(*expected[:, skipped:].shape[:2]):
        row, other = expected[camera, skipped + step], found[camera, skipped + step]
        best = int(row.argmax())
        lead = float(row[best] - np.delete(row, best).max())
        # Where two labels are as good as level, either may win within the limit.
        if int(other.argmax()) != best and lead > min(2 * findings.limit, _CLEAR_LEAD):
            findings.decisions += 1
            findings.note(
                data,
                f"camera {camera}, frame {skipped + step} is {spec.labels[int(other.argmax())]} "
                f"{float(other.max()):.3f}, not {spec.labels[best]} {float(row[best]):.3f}",
            )
