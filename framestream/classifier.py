"""The front door: a loaded model, from which streams and watches are made."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from framestream.errors import ModelNotFoundError
from framestream.frames import FrameSource
from framestream.session import Device, ModelSession
from framestream.spec import EventSettings, ModelSpec
from framestream.stream import Stream
from framestream.watch import Watch


class Classifier:
    """A model, ready to run. Immutable: one may serve any number of streams and threads.

    Example::

        classifier = Classifier.load()
        for record in classifier.watch("film.mp4"):
            print(record)
    """

    __slots__ = ("_session",)

    def __init__(self, session: ModelSession) -> None:
        """Wrap a session; ``Classifier.load`` is the usual way."""
        self._session = session

    @classmethod
    def load(
        cls, path: str | os.PathLike[str] | None = None, *, device: Device = "auto", threads: int | None = None
    ) -> Classifier:
        """Load a model; see ``ModelSession`` for the arguments and errors. Without a path, the one that comes along."""
        return cls(ModelSession(default_model_path() if path is None else path, device=device, threads=threads))

    def __repr__(self) -> str:
        """Return model, provider and threads."""
        return f"Classifier({self._session!r})"

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        return self._session.spec

    @property
    def provider(self) -> str:
        """The ONNX Runtime execution provider the model really runs on."""
        return self._session.provider

    @property
    def session(self) -> ModelSession:
        """The session, for those who run tensors themselves."""
        return self._session

    def stream(self, *, events: EventSettings | None = None, chunk_steps: int = 1) -> Stream:
        """Start a stream for one camera: ``push`` frames, then ``flush``.

        Args:
            events: how predictions become events; by default as the model says.
            chunk_steps: samples to run at once: 1 answers at once, 16 is faster on recordings. Results are the same.
        """
        return Stream(self._session, events=events, chunk_steps=chunk_steps)

    def watch(
        self,
        source: str | os.PathLike[str] | FrameSource,
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
    ) -> Watch:
        """Open a recording and return an iterator over what it shows.

        It reads as fast as it can and answers a second or so at a time; for a camera use ``stream``.

        Args:
            source: path of a video file, or a ``FrameSource`` that can wait.
            events: how predictions become events; by default as the model says.
            predictions: False leaves out the ``Prediction`` records.

        Raises:
            SourceError: the source cannot be used.
            SettingsError: ``source`` is neither a path nor a ``FrameSource``.
        """
        return Watch(self._session, source, events=events, predictions=predictions)


def default_model_path() -> Path:
    """Return the model that comes with FrameStream.

    Raises:
        ModelNotFoundError: this installation has none.
    """
    path = Path(str(files("framestream") / "models" / "default.onnx"))
    if not path.is_file():
        raise ModelNotFoundError(
            f"{path}: this installation has no default model; install FrameStream again, or give one with --model"
        )
    return path
