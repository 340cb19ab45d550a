"""Layouts of labelled video that others have made up: how each is recognised, and read."""

from framestream_export.data.layouts.catalogue import LAYOUTS, layout_named, recognise
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading

__all__ = ["LAYOUTS", "DataSetLayout", "Found", "Reading", "layout_named", "recognise"]
