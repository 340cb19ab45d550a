"""One camera that may fail: read in a process of its own, watched, and connected again."""

from framestream.live.camera import LiveCamera
from framestream.live.settings import LiveSettings

__all__ = ["LiveCamera", "LiveSettings"]
