"""The streaming graph: a converted encoder, a recurrent part written by hand."""
