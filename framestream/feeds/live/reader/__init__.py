"""Inside the process that reads one camera: connecting, decoding, sampling, and what its times are worth."""
