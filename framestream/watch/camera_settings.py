"""What one camera of many is, and the feed that fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from framestream.errors import SettingsError
from framestream.escapes import CONTROLS, abbreviate
from framestream.feeds.feed import Feed
from framestream.feeds.inbox import WakeUpSignal
from framestream.feeds.live.camera_feed import CameraFeed
from framestream.feeds.live.live_settings import LiveSettings
from framestream.feeds.source_feed import SourceFeed
from framestream.frames import FrameSource
from framestream.model.session import ModelSession
from framestream.model.spec import EventSettings, ModelSpec
from framestream.sampling.zones import Zone, check_zones
from framestream.sources import AnySource, SourceKind, SourceOptions, classify, is_live, open_source
from framestream.watch.camera import Camera


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """A camera, or a recording, and how it is watched.

    Attributes:
        source: A path, an address, a device index, or a `FrameSource`, which is left to its owner.
        events: How predictions become events; by default as for all cameras.
        zones: Parts of the picture to watch each for itself; by default the whole picture.
        options: What some sources cannot say themselves.
        live: How patient to be with a camera.
    """

    # Not shown: an address may carry a password.
    source: AnySource = field(repr=False)
    events: EventSettings | None = None
    zones: tuple[Zone, ...] = ()
    options: SourceOptions = field(default_factory=SourceOptions)
    live: LiveSettings = field(default_factory=LiveSettings)

    def __post_init__(self) -> None:
        """Raise SettingsError for a source that is none, and for zones that share a name."""
        classify(self.source, looks=False)
        check_zones(self.zones)


def make_feed(settings: CameraSettings, spec: ModelSpec) -> Feed:
    """Return the feed for a camera; nothing is opened before it is started."""
    source = settings.source
    if not isinstance(source, FrameSource) and classify(source, looks=False).is_live:
        return CameraFeed(
            source if isinstance(source, int) else str(source),
            frame_rate=spec.frame_rate,
            size_wh=spec.size_wh,
            zones=settings.zones,
            settings=settings.live,
            decoder=settings.options.decoder,
        )
    return SourceFeed(
        partial(open_source, source, options=settings.options),
        frame_rate=spec.frame_rate,
        size_wh=spec.size_wh,
        zones=settings.zones,
        owned=not isinstance(source, FrameSource),
    )


def make_camera(
    name: str | None,
    settings: CameraSettings,
    session: ModelSession,
    *,
    wake_up: WakeUpSignal,
    events: EventSettings | None = None,
    predictions: bool = True,
    keypoints: bool = False,
) -> Camera:
    """Return a camera; `events` are for one that has none of its own.

    Raises:
        SourceError: The source is a recording without a name, which is opened at once, and it cannot be used.
    """
    feed, live = make_feed(settings, session.spec), is_live(settings.source)
    return Camera(
        name,
        feed,
        session,
        wake_up=wake_up,
        live=live,
        info=feed.open() if name is None and not live and isinstance(feed, SourceFeed) else None,
        events=settings.events or events,
        zones=settings.zones,
        predictions=predictions,
        keypoints=keypoints,
    )


def check_name(name: object) -> str:
    """Return a camera's name.

    Raises:
        SettingsError: The name has no visible characters, or is an address whose password every record would carry.
    """
    if not isinstance(name, str) or not name.strip() or CONTROLS.search(name):
        raise SettingsError(f"a camera is called {abbreviate(name)}; give it a name, in one line")
    if "@" in name.partition("://")[2]:
        raise SettingsError("a camera is called by its address, user and password included; give it another name")
    return name


def check_standard_input(cameras: Mapping[str, CameraSettings]) -> None:
    """Raise SettingsError if several cameras would read standard input, each a part of it."""
    names = [name for name, settings in cameras.items() if classify(settings.source, looks=False) is SourceKind.STDIN]
    if len(names) > 1:
        raise SettingsError(f"standard input can be read by one camera only, not by {' and '.join(names)}")
