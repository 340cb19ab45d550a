"""FrameStream recognises what happens in video, with CNN-LSTM models that are one self-describing ONNX file.

    from framestream import Classifier

    classifier = Classifier.load()
    for record in classifier.watch("film.mp4"):
        print(record)

Names listed in ``__all__`` are the public API; everything else may change. Each is imported when it is first asked for,
so that importing the package costs nothing, and ``framestream doctor`` can tell why OpenCV does not load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framestream.classifier import Classifier
    from framestream.errors import (
        DataError,
        FrameStreamError,
        MetadataError,
        MissingDependencyError,
        ModelError,
        ModelNotFoundError,
        ProviderError,
        SettingsError,
        SignatureError,
        SourceError,
        SourceNotFoundError,
        UnreadableSourceError,
    )
    from framestream.events import EventDetector, OpenEvent
    from framestream.feeds.live import LiveSettings
    from framestream.frames import FrameSource, SourceInfo
    from framestream.model.session import ModelSession
    from framestream.model.spec import EventSettings, ModelSpec
    from framestream.records import End, Event, Gap, Prediction, Record, Start, Status
    from framestream.sampling.sampler import Sample, SamplingCounts
    from framestream.sampling.zones import Zone
    from framestream.sources import PushedFrames, SourceOptions
    from framestream.stream import Stream
    from framestream.watch.live_watch import LiveWatch
    from framestream.watch.settings import CameraSettings
    from framestream.watch.watch import Watch
    from framestream.watch.watch_many import WatchMany

    __version__: str

__all__ = [
    "CameraSettings",
    "Classifier",
    "DataError",
    "End",
    "Event",
    "EventDetector",
    "EventSettings",
    "FrameSource",
    "FrameStreamError",
    "Gap",
    "LiveSettings",
    "LiveWatch",
    "MetadataError",
    "MissingDependencyError",
    "ModelError",
    "ModelNotFoundError",
    "ModelSession",
    "ModelSpec",
    "OpenEvent",
    "Prediction",
    "ProviderError",
    "PushedFrames",
    "Record",
    "Sample",
    "SamplingCounts",
    "SettingsError",
    "SignatureError",
    "SourceError",
    "SourceInfo",
    "SourceNotFoundError",
    "SourceOptions",
    "Start",
    "Status",
    "Stream",
    "UnreadableSourceError",
    "Watch",
    "WatchMany",
    "Zone",
    "__version__",
]

# Where each name lives. Type checkers and editors read the imports above; a test compares the two.
_HOMES = {
    name: module
    for module, names in {
        "framestream.classifier": ("Classifier",),
        "framestream.errors": (
            "DataError",
            "FrameStreamError",
            "MetadataError",
            "MissingDependencyError",
            "ModelError",
            "ModelNotFoundError",
            "ProviderError",
            "SettingsError",
            "SignatureError",
            "SourceError",
            "SourceNotFoundError",
            "UnreadableSourceError",
        ),
        "framestream.events": (
            "EventDetector",
            "OpenEvent",
        ),
        "framestream.frames": (
            "FrameSource",
            "SourceInfo",
        ),
        "framestream.feeds.live": ("LiveSettings",),
        "framestream.watch.live_watch": ("LiveWatch",),
        "framestream.watch.settings": ("CameraSettings",),
        "framestream.watch.watch_many": ("WatchMany",),
        "framestream.records": (
            "End",
            "Event",
            "Gap",
            "Prediction",
            "Record",
            "Start",
            "Status",
        ),
        "framestream.sampling.sampler": (
            "Sample",
            "SamplingCounts",
        ),
        "framestream.model.session": ("ModelSession",),
        "framestream.sources": (
            "PushedFrames",
            "SourceOptions",
        ),
        "framestream.model.spec": (
            "EventSettings",
            "ModelSpec",
        ),
        "framestream.stream": ("Stream",),
        "framestream.watch.watch": ("Watch",),
        "framestream.sampling.zones": ("Zone",),
    }.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: object = _version()
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
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
