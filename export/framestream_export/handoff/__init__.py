"""The hand-off folder: everything needed to run a model without FrameStream."""
