"""All layouts of labelled video that can be read, and finding one by its name or by what lies in a folder."""

from __future__ import annotations

from pathlib import Path

from framestream.errors import SettingsError
from framestream_export.data.layouts import (
    activitynet,
    cvat,
    elan,
    epic_kitchens,
    hmdb51,
    kinetics,
    label_studio,
    something_something,
    split_lists,
    ucf101,
    via,
)
from framestream_export.data.layouts.layout import DataSetLayout

LAYOUTS = (
    ucf101.LAYOUT,
    hmdb51.LAYOUT,
    kinetics.LAYOUT,
    epic_kitchens.LAYOUT,
    label_studio.LAYOUT,
    activitynet.LAYOUT,
    via.LAYOUT,
    cvat.LAYOUT,
    elan.LAYOUT,
    something_something.LAYOUT,
    split_lists.LAYOUT,  # last: others have lists of such names
)


def recognise(data: Path) -> DataSetLayout | None:
    """The layout that a folder or file has, by what lies in it; None where it has none of these."""
    return next((layout for layout in LAYOUTS if layout.is_here(data)), None)


def layout_named(name: str) -> DataSetLayout:
    """Return the layout of a name.

    Raises:
        SettingsError: There is no layout of that name.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise SettingsError(f"layout {name!r} is none of {', '.join(layout.name for layout in LAYOUTS)}")
