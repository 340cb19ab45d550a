"""Batches of training examples from decoded frames: windows, augmentation, features computed once."""
