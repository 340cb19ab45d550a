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
from framestream.records import End, Event, Gap, Prediction, Record, Start
from framestream.sampling import Sample, SamplingCounts
from framestream.session import ModelSession
from framestream.spec import EventSettings, ModelSpec
from framestream.stream import Stream
from framestream.watch import Watch

__all__ = [
    "Classifier",
    "DataError",
    "End",
    "Event",
    "EventDetector",
    "EventSettings",
    "FrameSource",
    "FrameStreamError",
    "Gap",
    "MetadataError",
    "MissingDependencyError",
    "ModelError",
    "ModelNotFoundError",
    "ModelSession",
    "ModelSpec",
    "OpenEvent",
    "Prediction",
    "ProviderError",
    "Record",
    "Sample",
    "SamplingCounts",
    "SettingsError",
    "SignatureError",
    "SourceError",
    "SourceInfo",
    "SourceNotFoundError",
    "Start",
    "Stream",
    "UnreadableSourceError",
    "Watch",
    "__version__",
]

try:
    __version__ = version("framestream")
except PackageNotFoundError:  # a source tree on the path without an installation
    __version__ = "0+unknown"
