"""Programs that run a model without FrameStream give the predictions that FrameStream gives."""
