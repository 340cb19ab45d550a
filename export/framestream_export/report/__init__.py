"""What is told of how good a model is: figures as JSON, one HTML page, one picture, a summary on the terminal."""
