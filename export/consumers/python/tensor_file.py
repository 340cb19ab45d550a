"""Golden tensors, ONNX's TensorProto, read without onnx or protobuf. Needs numpy."""

import numpy as np

# Of TensorProto.DataType those that a FrameStream model has, and of TensorProto the fields that say what it is.
TYPES = {1: np.float32, 2: np.uint8}
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
VARINT, BYTES = 0, 2


def read_tensors(folder, side):
    """Read the files `input_I.pb` or `output_I.pb` of a data set: arrays by name."""
    tensors = dict(_read_tensor(path) for path in sorted(folder.glob(f"{side}_*.pb")))
    if not tensors:
        raise SystemExit(f"{folder} has no {side}_0.pb")
    return tensors


def _read_tensor(path):
    shape, found = [], {}
    for field, value in _fields(path.read_bytes()):
        if field == DIMS and isinstance(value, bytes):  # all in one
            while value:
                size, at = _varint(value, 0)
                shape, value = [*shape, size], value[at:]
        elif field == DIMS:
            shape.append(value)
        else:
            found[field] = value
    if found.get(DATA_TYPE) not in TYPES or RAW_DATA not in found:
        raise SystemExit(f"{path} is no tensor of bytes or float32, stored raw")
    values = np.frombuffer(found[RAW_DATA], np.dtype(TYPES[found[DATA_TYPE]]).newbyteorder("<"))
    return found[NAME].decode(), values.reshape(shape)


def _fields(data):
    """Yield number and value, an integer or bytes, of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == BYTES:
            value, at = data[at : at + value], at + value
        elif key & 7 != VARINT:
            raise SystemExit("not a tensor's file: it has fields of another kind")
        yield key >> 3, value


def _varint(data, at):
    value = shift = 0
    while True:
        value, shift, at = value | (data[at] & 127) << shift, shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at
