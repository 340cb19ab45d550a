"""Every error FrameStream raises on purpose.

Each class also inherits the builtin that fits, so callers may catch either family::

    FrameStreamError
    ├── SourceError               (OSError)            a video source cannot be used
    │   ├── SourceNotFoundError   (FileNotFoundError)  there is no such file
    │   └── UnreadableSourceError (ValueError)         there is one, but no frame decodes
    ├── ModelError                (ValueError)         a model cannot be used
    │   ├── ModelNotFoundError    (FileNotFoundError)  there is no such file
    │   ├── MetadataError         (KeyError)           a metadata key is missing or invalid
    │   └── SignatureError        (TypeError)          inputs or outputs are not the contract's
    ├── ProviderError             (RuntimeError)       the requested device is not available
    ├── MissingDependencyError    (ImportError)        an optional package is not installed
    ├── DataError                 (ValueError)         training data cannot be used
    └── SettingsError             (ValueError)         an option is out of its range

A message is one line: what is wrong, where (path, row, key; credentials removed), what to do about it.
"""

from __future__ import annotations


class FrameStreamError(Exception):
    """Base of all errors below; its text is the one line a user should read."""

    def __str__(self) -> str:
        """Return the message; OSError and KeyError would format it in ways of their own (errno pairs, repr)."""
        return str(self.args[0]) if self.args else type(self).__name__


class SourceError(FrameStreamError, OSError):
    """A video source cannot be used."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """The video file does not exist."""


class UnreadableSourceError(SourceError, ValueError):
    """The source exists, but gives no frame: not a video, empty, audio only, damaged."""


class ModelError(FrameStreamError, ValueError):
    """A model file cannot be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """The model file does not exist."""


class MetadataError(ModelError, KeyError):
    """A key of the model's metadata is missing or has a value FrameStream cannot use."""


class SignatureError(ModelError, TypeError):
    """The model's inputs or outputs are not those of the streaming contract."""


class ProviderError(FrameStreamError, RuntimeError):
    """ONNX Runtime cannot run on the requested device."""


class MissingDependencyError(FrameStreamError, ImportError):
    """An optional package is not installed; the message carries the line that installs it."""


class DataError(FrameStreamError, ValueError):
    """Training data cannot be used."""


class SettingsError(FrameStreamError, ValueError):
    """An option or setting is out of its range."""
