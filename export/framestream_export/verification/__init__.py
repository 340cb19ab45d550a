"""Golden vectors: inputs and the outputs they must give, for whoever runs the file elsewhere."""
