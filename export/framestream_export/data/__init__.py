"""Labelled footage: what is there, decoded once, divided by group."""
