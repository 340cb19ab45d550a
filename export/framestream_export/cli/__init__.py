"""The commands that train, evaluate, export and verify."""
