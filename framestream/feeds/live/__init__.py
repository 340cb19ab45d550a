"""One camera that may fail: read in a process of its own, watched, and connected again."""

from framestream.feeds.live.camera import LiveCamera
from framestream.feeds.live.settings import LiveSettings

__all__ = ["LiveCamera", "LiveSettings"]
