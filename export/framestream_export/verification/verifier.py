"""Does an exported model keep the contract, and does it predict what Keras predicts? Checks with measured figures.

Without a run this needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from framestream.errors import DataError, ModelError
from framestream.model.model_file import DIGEST_KEY, ORT_SUFFIX
from framestream.model.onnx_runtime import CPU
from framestream.model.session import GraphRun, ModelSession
from framestream.model.spec import KEY_PREFIX, ModelSpec
from framestream_export.exporting.figures import Variant, find_variant
from framestream_export.exporting.kernels import Coverage
from framestream_export.exporting.parity import INVARIANCE_LIMIT, largest_difference, onnx_rows
from framestream_export.graph.streaming import LOOPS, check_structure
from framestream_export.training.examples.synthetic_frames import drawn_frames
from framestream_export.verification.agreement import agreement
from framestream_export.verification.checks import Check
from framestream_export.verification.replay import replay
from framestream_export.verification.sealed_file import SealedFile
from framestream_export.verification.vectors import VECTORS_FILE

if TYPE_CHECKING:
    from framestream_export.exporting.finished_run import FinishedRun

_STEPS = (1, 3, 16)
_CAMERAS = (1, 4)
_LEAST_SPREAD = 0.1
_LEAST_ROWS = 50
# Of a few hundred predictions; `export` itself measures all that were held out, and allows less.
_MOST_FLIPS = 0.05


def verify(model: Path, *, run: Path | None = None, provider: str = CPU) -> list[Check]:
    """Check an exported model.

    Args:
        model: A file that `framestream export` wrote. Golden vectors beside it are replayed.
        run: The run it was exported from; adds the comparison with Keras, on real frames. A model that has hardly
            learnt anything fails it: where the probabilities of a class do not vary, agreement proves nothing.
        provider: Execution provider of ONNX Runtime that replays the golden vectors and has to have kernels.

    Raises:
        ModelError: The file is no model of ours at all.
        DataError: The run or the golden vectors cannot be used.
        ProviderError: This ONNX Runtime has no such provider.
    """
    file = SealedFile.read(model)
    session = _open(file)
    metadata = session.metadata
    variant = find_variant(metadata.get(f"{KEY_PREFIX}variant", "float32"))
    kernels = Coverage.of(model, provider)
    checks = [file.check(), _structure(file, session.spec, variant, kernels), _sidecar(file, session.spec, metadata)]
    checks += _golden(file, session.spec, provider)
    checks.append(_kernels(kernels))
    if run is None:
        frames = drawn_frames(session.spec.size_wh, window=session.spec.window)
        return [*checks, *_invariance(session, frames)]
    from framestream_export.exporting.finished_run import FinishedRun

    finished = FinishedRun.read(run)
    return [*checks, *_against_keras(session, finished, variant), *_invariance(session, finished.frames)]


def _open(file: SealedFile) -> ModelSession:
    try:
        return ModelSession(file.path, device="cpu")
    except ModelError as error:
        if not file.changed:
            raise
        raise type(error)(f"{error}; the file was changed after it was exported: its digest is another") from error


def _structure(file: SealedFile, spec: ModelSpec, variant: Variant, kernels: Coverage) -> Check:
    lstm_nodes = variant.lstm_nodes_of(spec.head)
    many = "one LSTM" if lstm_nodes else "no LSTM"
    name, limit = f"graph: names, {many}, no control flow", "as in the contract"
    if file.path.suffix.lower() == ORT_SUFFIX:
        return _running_structure(name, limit, kernels, lstm_nodes)
    model = onnx.load(file.path)
    try:
        check_structure(model, states=spec.state_names, outputs=spec.outputs or (), lstm_nodes=lstm_nodes)
    except ModelError as error:
        return Check(name, str(error), limit, False)
    return Check(name, f"{len(model.graph.node)} nodes", limit, True)


def _kernels(kernels: Coverage) -> Check:
    """Fail where no node at all runs on the provider; nodes that fall back to another are only listed."""
    passed = kernels.nodes is not None and bool(kernels.nodes.get(kernels.provider))
    return Check("kernels", str(kernels), "the provider runs at least some", passed)


def _running_structure(name: str, limit: str, kernels: Coverage, lstm_nodes: int) -> Check:
    """Check the structure of a file that onnx cannot read, by the nodes that ran.

    That the session opened shows that the names of inputs and outputs are right.
    """
    operators = kernels.operators
    loops, lstms = sorted(LOOPS.intersection(operators)), operators.get("LSTM", 0)
    measured = f"{sum(operators.values())} nodes ran, {lstms} of them LSTM"
    if loops:
        measured = f"the graph has control flow: {', '.join(loops)}"
    return Check(name, measured, limit, not loops and lstms == lstm_nodes)


def _sidecar(file: SealedFile, spec: ModelSpec, metadata: dict[str, str]) -> Check:
    name, limit = "metadata complete, sidecar the same", "all keys"
    sidecar = file.path.with_suffix(".json")
    missing = [key for key in ("producer", "training_fingerprint") if not getattr(spec, key)]
    missing += [key for key in ("accuracy", "parity", "created") if getattr(spec, key) is None]
    if missing:
        return Check(name, f"no {', '.join(missing)}", limit, False)
    if file.sidecar is None:
        return Check(name, f"{sidecar.name} is missing, or is no JSON object; export the model again", limit, False)
    ours = {key: value for key, value in metadata.items() if key.startswith(KEY_PREFIX)}
    theirs = dict(file.sidecar)
    if file.path.suffix.lower() == ORT_SUFFIX:  # whose digest only the sidecar can hold
        ours.pop(DIGEST_KEY, None)
        theirs.pop(DIGEST_KEY, None)
    other = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if other:
        return Check(name, f"{sidecar.name} has other values of {', '.join(other)}", limit, False)
    return Check(name, f"{len(ours)} keys", limit, True)


def _golden(file: SealedFile, spec: ModelSpec, provider: str) -> Iterator[Check]:
    if (file.path.parent / VECTORS_FILE).is_file():
        yield from replay(GraphRun(file.path, provider=provider), spec, file.path.parent, digest=file.digest)
    elif provider != CPU:
        raise DataError(
            f"no golden vectors beside {file.path} to replay on {provider}; give a model in a hand-off folder, "
            "written by `framestream export RUN --handoff DIR`"
        )


def _against_keras(session: ModelSession, finished: FinishedRun, variant: Variant) -> Iterator[Check]:
    spec = session.spec
    expected, rows = (
        finished.model.predictions(finished.frames),
        onnx_rows(session, finished.frames, **_fixed_axes(session)),
    )
    same_data = spec.training_fingerprint == f"sha256:{finished.record['fingerprint']}"
    limit, difference = variant.parity_limit, largest_difference(expected, rows)
    same_weights = np.isfinite(difference) and (limit is None or difference <= limit)
    measured = "yes" if same_data and same_weights else "other weights" if same_data else "other data"
    yield Check("made from this run", measured, "same data, same predictions", bool(same_data and same_weights))
    count = expected.shape[0] * expected.shape[1]
    yield Check("real predictions compared", str(count), f">= {_LEAST_ROWS}", count >= _LEAST_ROWS)
    spread = float((expected.max(axis=(0, 1)) - expected.min(axis=(0, 1))).min())
    # Between models that always predict the same, agreement proves nothing.
    varied = spread >= _LEAST_SPREAD
    measured = f"{spread:.2f}" if varied else f"{spread:.2f}: the model has learnt too little to prove parity"
    yield Check("probabilities vary (least of the classes)", measured, f">= {_LEAST_SPREAD}", varied)
    yield _keras_agreement(spec, variant, expected, rows)


def _keras_agreement(
    spec: ModelSpec, variant: Variant, expected: NDArray[np.float32], rows: NDArray[np.float32]
) -> Check:
    """Exact formats must decide all alike; those that round may flip a few, as few as `export` allows."""
    if variant.name not in ("float16", "int8"):
        return agreement("ONNX = Keras", spec, expected, rows, variant.parity_limit or np.inf)
    difference = largest_difference(expected, rows)
    flips = float((expected.argmax(axis=-1) != rows.argmax(axis=-1)).mean()) if np.isfinite(difference) else 1.0
    within = variant.parity_limit is None or difference <= variant.parity_limit
    limit = "" if variant.parity_limit is None else f"<= {variant.parity_limit:.0e}, "
    measured = f"{difference:.1e}; {flips:.1%} other decisions"
    return Check(
        "ONNX = Keras", measured, f"{limit}<= {_MOST_FLIPS:.0%} other decisions", within and flips <= _MOST_FLIPS
    )


def _invariance(session: ModelSession, frames: NDArray[np.uint8]) -> Iterator[Check]:
    fixed = _fixed_axes(session)
    rows = onnx_rows(session, frames, **fixed)
    for name, values in (("steps", _STEPS), ("cameras", _CAMERAS)):
        for value in () if name in fixed else values:
            other = onnx_rows(session, frames, **{**fixed, name: value})
            yield agreement(f"{name} {value} = all at once", session.spec, rows, other, INVARIANCE_LIMIT)


def _fixed_axes(session: ModelSession) -> dict[str, int]:
    """Axes that the file fixes to one, as options of `onnx_rows`."""
    return {name: 1 for name, fixed in (("steps", session.one_step), ("cameras", session.one_camera)) if fixed}
