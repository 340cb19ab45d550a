"""Watching sources: one or many, recorded or live."""
