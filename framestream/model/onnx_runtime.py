"""The only place that imports ONNX Runtime: every graph is opened here, with the same options and the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from framestream.errors import MissingDependencyError, ModelError
from framestream.model.interruption import call_interruptibly
from framestream.model.model_file import ORT_SUFFIX, check_external_data

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
_LONGEST_LINE = 500

ALL_CORES = 0
"""As many threads as ONNX Runtime takes by itself: one for each core of the machine."""


def open_runtime_session(
    path: Path,
    *,
    content: bytes | None = None,
    provider: str = CPU,
    threads: int = 1,
    spinning: bool = False,
    profile: Path | None = None,
    optimized: Path | None = None,
) -> Any:
    """Open a graph and return ONNX Runtime's own session, whose inputs and outputs nobody has checked.

    Args:
        path: The file, also named in errors.
        content: Bytes of a model to open in the file's place.
        provider: Execution provider; what it has no kernel for runs on the CPU.
        threads: CPU threads of one run, or `ALL_CORES`.
        spinning: Whether threads that wait for work keep their cores busy, as ONNX Runtime lets them by default.
        profile: Start of the name of the file that `end_profiling()` writes; None measures nothing.
        optimized: File to write the graph to, once simplified in the ways that hold on every processor; one that ends
            in `.ort` is in ONNX Runtime's own format. None optimizes for this machine and writes nothing.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        ModelError: The file is no model, or would have files read from outside its folder.
    """
    runtime = import_runtime()
    _check_other_files(path, content)
    options, levels = runtime.SessionOptions(), runtime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimized is None else levels.ORT_ENABLE_BASIC
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if not spinning:  # threads that spin would burn the cores that decode the video
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # 4 is fatal only: what goes wrong is raised here as one line, and must not be printed as well.
    options.log_severity_level = 4
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    try:
        providers = list(dict.fromkeys([provider, CPU]))
        opened = partial(runtime.InferenceSession, content or str(path), options, providers=providers)
        # Where there is nothing to fall back on, ONNX Runtime would print that it does, and try again.
        opened = partial(opened, enable_fallback=provider != CPU)
        return call_interruptibly(opened, cancel=partial(_cancel_loading, options))
    except runtime_errors() as error:
        raise ModelError(
            f"{path} is not an ONNX model this ONNX Runtime can load ({first_line(error)}); "
            "export it again or update ONNX Runtime"
        ) from error


def _cancel_loading(options: Any) -> None:
    # ONNX Runtime before 1.21 cannot be asked.
    if hasattr(options, "set_load_cancellation_flag"):
        options.set_load_cancellation_flag(True)


def make_run_options() -> Any:
    """Return ONNX Runtime's options of a run; setting `terminate` in them ends the run."""
    return import_runtime().RunOptions()


def import_runtime() -> ModuleType:
    """Return the module `onnxruntime`, or raise MissingDependencyError with the line that installs it."""
    try:
        import onnxruntime
    except ImportError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while its extension module was starting
            raise error.__cause__ from None
        raise MissingDependencyError(
            f'ONNX Runtime cannot be imported ({first_line(error)}); run: pip install "framestream[cpu]" '
            '(or "framestream[gpu]" for NVIDIA)'
        ) from error
    return cast(ModuleType, onnxruntime)


def available_providers() -> Sequence[str]:
    """Return the execution providers that this ONNX Runtime was built with, the fastest first."""
    return cast("list[str]", import_runtime().get_available_providers())


def runtime_version() -> str:
    """Return the version of ONNX Runtime."""
    return str(import_runtime().__version__)


def runtime_errors() -> tuple[type[Exception], ...]:
    """Everything ONNX Runtime raises: its own classes, which share no parent of their own, and pybind11's."""
    from onnxruntime.capi import onnxruntime_pybind11_state as binding

    own = [item for item in vars(binding).values() if isinstance(item, type) and issubclass(item, Exception)]
    return (*own, RuntimeError, ValueError, MemoryError, IndexError, OverflowError)


def first_line(error: BaseException) -> str:
    """Return what an error says first; ONNX Runtime's texts go on with where in its source it happened."""
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST_LINE] if lines else type(error).__name__


def stamped_texts(session: Any, path: Path) -> dict[str, str]:
    """Return the flat strings in a model's file, and check that the names of inputs and outputs are text as well.

    Raises:
        ModelError: Some are not UTF-8.
    """
    try:
        texts = dict(session.get_modelmeta().custom_metadata_map)
        for tensor in (*session.get_inputs(), *session.get_outputs()):
            str(tensor.name), str(tensor.shape)
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path} is not an ONNX model (a name or a text in it is not UTF-8); export or download it again"
        ) from error
    return texts


def _check_other_files(path: Path, content: bytes | None) -> None:
    if content is None:
        if path.suffix.lower() == ORT_SUFFIX:
            return
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    check_external_data(path, content)
