"""Networks that turn one frame into one vector, and the weights they start from."""
