"""How good a model is: numbers, pictures, a page."""
