"""FrameStream recognises what happens in video, with CNN-LSTM models that are one self-describing ONNX file.

    from framestream import Classifier

    classifier = Classifier.load()
    for record in classifier.watch("film.mp4"):
        print(record)

Names listed in `__all__` are the public API; everything else may change. Each is imported when it is first asked for,
so that importing the package costs nothing, and `framestream doctor` can tell why OpenCV does not load.
"""

from importlib import import_module
from typing import Any

# Where each public name lives. Type checkers and editors read __init__.pyi; a test compares the two.
_NAMES_BY_MODULE = {
    "classifier": "Classifier",
    "errors": "DataError FrameStreamError MetadataError MissingDependencyError ModelError ModelNotFoundError "
    "ProviderError SettingsError SignatureError SourceError SourceNotFoundError UnreadableSourceError",
    "events": "EventDetector OpenEvent",
    "feeds.live.frozen": "freeze_support",
    "feeds.live.live_settings": "LiveSettings",
    "frames": "FrameSource SourceInfo",
    "model.session": "ModelSession",
    "model.spec": "EventSettings ModelSpec",
    "records": "End Event Gap Prediction Record Start Status",
    "sampling.sampler": "Sample SamplingCounts",
    "sampling.zones": "Zone",
    "sources": "PushedFrames SourceOptions",
    "stream": "Stream",
    "watch.camera_settings": "CameraSettings",
    "watch.watch": "Watch",
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}

__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: object = _version()
    elif name in _MODULE_OF:
        value = getattr(import_module(f"framestream.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("framestream")
    except PackageNotFoundError:  # a source tree on the path without an installation
        return "0+unknown"
