"""The front door: a loaded model, from which streams and watches are made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from framestream.errors import ModelNotFoundError
from framestream.feeds.live.live_settings import LiveSettings
from framestream.model.session import Device, ModelSession
from framestream.model.spec import EventSettings, ModelSpec
from framestream.sources import AnySource, SourceOptions
from framestream.stream import Stream
from framestream.watch.camera_settings import CameraSettings
from framestream.watch.watch import Watch

DEFAULT_MAX_LAG_SECONDS = 0.5


class Classifier:
    """A model, ready to run. Immutable: one may serve any number of streams and threads.

    Example::

        classifier = Classifier.load()
        for record in classifier.watch("film.mp4"):
            print(record)
    """

    __slots__ = ("_session",)

    def __init__(self, session: ModelSession) -> None:
        """Wrap a session; `Classifier.load` is the usual way."""
        self._session = session

    @classmethod
    def load(
        cls, path: str | os.PathLike[str] | None = None, *, device: Device = "auto", threads: int | None = None
    ) -> Classifier:
        """Load a model; see `ModelSession` for the arguments and errors. Without a path, the one that comes along."""
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

    def stream(self, *, events: EventSettings | None = None, chunk_steps: int = 1, keypoints: bool = False) -> Stream:
        """Start a stream for one camera: `push` frames, then `flush`.

        Args:
            events: How predictions become events; by default as the model says.
            chunk_steps: Samples to run at once: 1 gives predictions at once, 16 is faster on recordings. Results are
                the same.
            keypoints: Let predictions say where the joints are, of a model whose encoder finds them.
        """
        return Stream(self._session, events=events, chunk_steps=chunk_steps, keypoints=keypoints)

    def watch(
        self,
        source: AnySource,
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
        keypoints: bool = False,
        options: SourceOptions | None = None,
        live: LiveSettings | None = None,
        max_lag_seconds: float | None = DEFAULT_MAX_LAG_SECONDS,
    ) -> Watch:
        """Open a source and return an iterator over what it shows.

        A recording is read as fast as it can be, with predictions a second or so at a time. A live source (a device, an
        address, a `FrameSource` that says so) gets predictions frame by frame, and is waited for while it is away.

        Args:
            source: Path of a video file, a folder of images, `-` for raw frames on standard input, a device index,
                an address, or a `FrameSource`.
            events: How predictions become events; by default as the model says.
            predictions: False leaves out the `Prediction` records.
            keypoints: Let predictions say where the joints are, of a model whose encoder finds them.
            options: Facts that some recordings cannot state themselves: the rate of images, the size of raw frames.
            live: How patient to be with a live source.
            max_lag_seconds: Samples of a live source that wait longer are dropped; None drops them when there is no
                room for more.

        Raises:
            SourceError: The recording cannot be used; a live source is opened later, and waited for if it is away.
            SettingsError: `source` or an option makes no sense.
        """
        settings = CameraSettings(
            source, events=events, options=options or SourceOptions(), live=live or LiveSettings()
        )
        return Watch(
            self._session,
            {None: settings},
            predictions=predictions,
            keypoints=keypoints,
            max_lag_seconds=max_lag_seconds,
        )

    def watch_many(
        self,
        cameras: Mapping[str, AnySource | CameraSettings],
        *,
        events: EventSettings | None = None,
        predictions: bool = True,
        keypoints: bool = False,
        max_lag_seconds: float | None = DEFAULT_MAX_LAG_SECONDS,
        until_stopped: bool = False,
    ) -> Watch:
        """Return an iterator over what many sources show; their frames go through the model together.

        Args:
            cameras: Sources by name; `CameraSettings` where one needs events, zones or options of its own.
            events: How predictions become events, for cameras without settings of their own.
            predictions: False leaves out the `Prediction` records.
            keypoints: Let predictions say where the joints are, of a model whose encoder finds them.
            max_lag_seconds: Samples of a live source that wait longer are dropped; None drops them when there is no
                room for more.
            until_stopped: Go on without cameras, for some to be added later, until `stop` or `close`.

        Raises:
            SettingsError: A name, a source or a setting makes no sense.
        """
        return Watch(
            self._session,
            cameras,
            events=events,
            predictions=predictions,
            keypoints=keypoints,
            max_lag_seconds=max_lag_seconds,
            until_stopped=until_stopped,
        )


def default_model_path() -> Path:
    """Return the model that comes with FrameStream.

    Raises:
        ModelNotFoundError: This installation has no default model.
    """
    path = Path(str(files("framestream") / "models" / "default.onnx"))
    if not path.is_file():
        raise ModelNotFoundError(
            f"{path}: this installation has no default model; install FrameStream again, or give one with --model"
        )
    return path
