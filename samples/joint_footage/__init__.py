"""Joints of people that the renderer knows without drawing them, with the errors that a pose network makes."""
