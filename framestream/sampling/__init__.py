"""Sampling: bringing frames of any rate and size to the model's clock and picture size."""
