/** Golden tensors: ONNX's TensorProto, as far as golden vectors use it, read without a protobuf library. */

/** Of TensorProto.DataType those that a FrameStream model has. */
const TYPES = { 1: Float32Array, 2: Uint8Array };

/** Numbers of the fields of TensorProto that are read. */
const [DIMS, DATA_TYPE, NAME, RAW_DATA] = [1, 2, 8, 9];

const [VARINT, BYTES] = [0, 2];

/**
 * @param {Uint8Array} bytes of a file `input_I.pb` or `output_I.pb`
 * @returns {{name: string, dims: number[], data: Float32Array | Uint8Array}}
 */
export function readTensor(bytes) {
  const dims = [];
  const found = {};
  for (const [field, value] of readFields(bytes)) {
    if (field !== DIMS) found[field] = value;
    else if (typeof value === "number") dims.push(value);
    else for (const reader = new Reader(value); !reader.isAtEnd; ) dims.push(reader.varint());
  }
  const { [DATA_TYPE]: type, [NAME]: name, [RAW_DATA]: raw } = found;
  if (!(type in TYPES) || raw === undefined) throw new Error("This is no tensor of bytes or float32, stored raw.");
  // Copied, since numbers must begin at a multiple of their size.
  const data = new TYPES[type](raw.slice().buffer);
  if (data.length !== dims.reduce((product, size) => product * size, 1)) throw new Error("A tensor is cut off.");
  return { name: new TextDecoder().decode(name), dims, data };
}

/** Number and value of each field of a protobuf message; a value is a number or bytes. */
function* readFields(bytes) {
  for (const reader = new Reader(bytes); !reader.isAtEnd; ) {
    const key = reader.varint();
    const kind = key & 7;
    if (kind !== VARINT && kind !== BYTES) throw new Error("This is no tensor: it has fields of another kind.");
    const value = reader.varint();
    yield [key >>> 3, kind === VARINT ? value : reader.take(value)];
  }
}

class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get isAtEnd() {
    return this.#at >= this.#bytes.length;
  }

  /** Seven bits a byte, the lowest first; multiplied, since shifting would end at 32 bits. */
  varint() {
    let [value, factor, byte] = [0, 1, 0];
    do {
      byte = this.take(1)[0];
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte > 127);
    return value;
  }

  take(size) {
    const taken = this.#bytes.subarray(this.#at, this.#at + size);
    if (taken.length < size) throw new Error("A tensor's file is cut off.");
    this.#at += size;
    return taken;
  }
}
