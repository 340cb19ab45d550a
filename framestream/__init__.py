"""FrameStream recognises what happens in video, with CNN-LSTM models that are one self-describing ONNX file.

    from framestream import Classifier

    classifier = Classifier.load()
    for record in classifier.watch("film.mp4"):
        print(record)

Names listed in ``__all__`` are the public API; everything else may change.
"""

from importlib.metadata import PackageNotFoundError, version

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
from framestream.frames import FrameSource, SourceInfo
from framestream.live import LiveSettings
from framestream.pipeline.live_watch import LiveWatch
from framestream.pipeline.settings import CameraSettings
from framestream.pipeline.watch_many import WatchMany
from framestream.records import End, Event, Gap, Prediction, Record, Start, Status
from framestream.sampling import Sample, SamplingCounts
from framestream.session import ModelSession
from framestream.sources import PushedFrames, SourceOptions
from framestream.spec import EventSettings, ModelSpec
from framestream.stream import Stream
from framestream.watch import Watch
from framestream.zones import Zone

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

try:
    __version__ = version("framestream")
except PackageNotFoundError:  # a source tree on the path without an installation
    __version__ = "0+unknown"
