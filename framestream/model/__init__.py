"""Reading, checking and running an ONNX file."""
