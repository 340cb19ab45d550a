"""One ONNX file: read, checked, run."""
