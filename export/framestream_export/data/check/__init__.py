"""`framestream data check`: every file of a data set read once, and what is odd about it."""
