"""Programs that run a model without FrameStream answer as FrameStream does."""
