"""Everything from labelled clips to one self-describing ONNX file: data, model, training, export, verification.

Needs TensorFlow (`pip install "framestream[train]"`). Depends on `framestream`; `framestream` never depends on this.
"""
