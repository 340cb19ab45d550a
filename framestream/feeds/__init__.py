"""Many cameras, one session: feeds bring samples, the consumer's thread runs them together."""
