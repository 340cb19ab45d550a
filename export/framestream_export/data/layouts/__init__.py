"""Layouts of labelled video that others have made up: how each is recognised, and read."""

from framestream_export.data.layouts.catalogue import LAYOUTS, layout_named, recognise
from framestream_export.data.layouts.layout import Found, Layout, Reading

__all__ = ["LAYOUTS", "Found", "Layout", "Reading", "layout_named", "recognise"]
