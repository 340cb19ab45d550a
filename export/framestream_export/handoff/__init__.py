"""The hand-off folder: everything somebody needs who runs a model without FrameStream."""
