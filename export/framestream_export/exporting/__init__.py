"""Variants of one model: other number formats, fixed shapes, no LSTM operator, each measured before it is written."""
