"""ONNX Runtime's execution providers: which are here, and why CUDA is not."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType

from framestream.classifier import default_model_path
from framestream.doctor.findings import Finding
from framestream.errors import FrameStreamError, MissingDependencyError, ModelNotFoundError
from framestream.model.onnx_runtime import CPU, CUDA, import_runtime
from framestream.model.session import ModelSession

_LOG_FATAL = 4
_TO_THE_CUDA_BUILD = 'run: pip uninstall -y onnxruntime && pip install "framestream[gpu]"'


def check_providers() -> list[Finding]:
    """Say what ONNX Runtime can run on."""
    try:
        runtime = import_runtime()
    except MissingDependencyError as error:
        detail, _, remedy = str(error).partition("; ")
        return [Finding("providers", "ONNX Runtime", "broken", detail, remedy)]
    # What goes wrong becomes a finding, and need not be printed as well.
    runtime.set_default_logger_severity(_LOG_FATAL)
    available: list[str] = runtime.get_available_providers()
    findings = []
    if CPU in available:
        findings.append(Finding("providers", CPU, "ok", "found"))
    else:
        remedy = 'run: pip install --force-reinstall "framestream[cpu]"'
        findings.append(Finding("providers", CPU, "broken", f"missing; there is only {', '.join(available)}", remedy))
    findings.append(_check_cuda(runtime, available))
    others = [name for name in available if name not in (CPU, CUDA)]
    if others:
        findings.append(Finding("providers", "others", "ok", f"{', '.join(others)}: found, not used by FrameStream"))
    return findings


def explain_missing_cuda(distributions: Sequence[str], *, has_gpu: bool) -> Finding:
    """Say why ONNX Runtime offers no CUDA, from the distributions of it that are installed."""
    if "onnxruntime-gpu" in distributions and len(distributions) > 1:
        remedy = f'run: pip uninstall -y {" ".join(distributions)} && pip install "framestream[gpu]"'
        return Finding("providers", CUDA, "warning", "missing: another build overwrote onnxruntime-gpu", remedy)
    if not has_gpu:
        remedy = "nothing, unless there is an NVIDIA GPU after all; then install its driver first"
        return Finding("providers", CUDA, "note", "missing, and no NVIDIA GPU was found", remedy)
    detail = f"missing: {' and '.join(distributions) or 'this ONNX Runtime'} is a build without CUDA"
    return Finding("providers", CUDA, "warning", f"{detail}, but there is an NVIDIA GPU", _TO_THE_CUDA_BUILD)


def _check_cuda(runtime: ModuleType, available: Sequence[str]) -> Finding:
    has_gpu = _has_nvidia_gpu()
    if CUDA not in available:
        return explain_missing_cuda(_runtime_distributions(), has_gpu=has_gpu)
    try:
        ModelSession(default_model_path(), device="cuda")
    except ModelNotFoundError:
        return Finding("providers", CUDA, "ok", "found; not tried, for want of a model")
    except FrameStreamError as error:
        reason = _load_error(runtime) or str(error)
        if not has_gpu:
            detail = f"found, but did not start: no NVIDIA GPU or driver ({reason})"
            remedy = "install the NVIDIA driver; without a GPU use --device cpu"
            return Finding("providers", CUDA, "warning", detail, remedy)
        remedy = (
            f"install the CUDA and cuDNN that ONNX Runtime {runtime.__version__} asks for (onnxruntime.ai, execution "
            "providers, CUDA), or use --device cpu"
        )
        return Finding("providers", CUDA, "warning", f"found, but did not start: {reason}", remedy)
    return Finding("providers", CUDA, "ok", "found, and runs the model")


def _runtime_distributions() -> list[str]:
    return sorted(set(metadata.packages_distributions().get("onnxruntime", ())))


def _has_nvidia_gpu() -> bool:
    signs = ("/dev/nvidia0", "/proc/driver/nvidia/version", "/dev/nvhost-ctrl", "/dev/nvmap")
    return any(os.path.exists(sign) for sign in signs) or shutil.which("nvidia-smi") is not None


def _load_error(runtime: ModuleType) -> str | None:
    """What the loader says about the CUDA provider's library: it names the first library that is missing."""
    if sys.platform != "linux" or runtime.__file__ is None:
        return None
    folder = Path(runtime.__file__).parent / "capi"
    try:
        # The provider leans on the first one.
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
    except OSError as error:
        return str(error)
    return None
