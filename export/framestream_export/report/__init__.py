"""How good a model is, as a report: figures as JSON, one HTML page, one picture, a summary on the terminal."""
