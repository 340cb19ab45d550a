"""Live cameras, which may fail: each is read in a process of its own, watched, and connected again."""

from framestream.feeds.live.camera_feed import CameraFeed
from framestream.feeds.live.frozen import freeze_support
from framestream.feeds.live.live_settings import LiveSettings

__all__ = ["CameraFeed", "LiveSettings", "freeze_support"]
