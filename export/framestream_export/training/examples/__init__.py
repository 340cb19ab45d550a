"""From cached frames to batches: windows, augmentation, features computed once."""
