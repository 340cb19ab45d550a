/**
 * From a picture of any size to the model's: the whole frame is stretched. Where both sides shrink or stay, each pixel
 * is the mean of the area it covers; where one grows, bilinear with half-pixel centres is used for both. A canvas does
 * neither when it scales, so pixels must come here at their full size.
 */

/**
 * @param {{data: ArrayLike<number>, width: number, height: number, channels: number}} picture RGB or RGBA bytes
 * @returns {Uint8Array} RGB, `[height, width, 3]`
 */
export function fitPicture(picture, width, height) {
  const shrinks = picture.width >= width && picture.height >= height;
  const spans = shrinks ? areaSpans : linearSpans;
  const across = spans(picture.width, width);
  const down = spans(picture.height, height);
  const rowLength = width * 3;
  const sums = new Float32Array(rowLength * height);
  const row = new Float32Array(rowLength);
  let scaledRow = -1;
  for (let y = 0; y < height; y++) {
    for (let k = down.begins[y]; k < down.begins[y + 1]; k++) {
      // Neighbours may share a row of the source.
      if (scaledRow !== down.sources[k]) {
        scaledRow = down.sources[k];
        scaleRow(picture, scaledRow, across, row);
      }
      const weight = down.weights[k];
      for (let i = 0, at = y * rowLength; i < rowLength; i++, at++) sums[at] += weight * row[i];
    }
  }
  // Going into a clamped array rounds halves to even, as OpenCV does.
  return new Uint8Array(new Uint8ClampedArray(sums).buffer);
}

/** Scale row `y` of a picture to `row`, `[width, 3]`. */
function scaleRow({ data, width, channels }, y, { begins, sources, weights }, row) {
  const begin = y * width * channels;
  for (let x = 0; x < begins.length - 1; x++) {
    let [red, green, blue] = [0, 0, 0];
    for (let k = begins[x]; k < begins[x + 1]; k++) {
      const at = begin + sources[k] * channels;
      const weight = weights[k];
      red += weight * data[at];
      green += weight * data[at + 1];
      blue += weight * data[at + 2];
    }
    row[3 * x] = red;
    row[3 * x + 1] = green;
    row[3 * x + 2] = blue;
  }
}

/** For each of `to` pixels the ones of `from` it covers, weighted by overlap. */
function areaSpans(from, to) {
  const scale = from / to;
  return collectSpans(to, (target, add) => {
    const [begin, end] = [target * scale, (target + 1) * scale];
    for (let source = Math.floor(begin); source < Math.min(end, from); source++) {
      const overlap = Math.min(source + 1, end) - Math.max(source, begin);
      // What rounding errors leave over is no overlap.
      if (overlap > 1e-6) add(source, overlap / scale);
    }
  });
}

/** For each of `to` pixels the two of `from` around its centre. */
function linearSpans(from, to) {
  return collectSpans(to, (target, add) => {
    const centre = Math.min(Math.max(((target + 0.5) * from) / to - 0.5, 0), from - 1);
    const source = Math.floor(centre);
    add(source, 1 - (centre - source));
    if (centre > source) add(source + 1, centre - source);
  });
}

/** Flat arrays: pixel `x` is made of entries `begins[x]` to `begins[x + 1]`. */
function collectSpans(to, fill) {
  const [begins, sources, weights] = [[0], [], []];
  for (let target = 0; target < to; target++) {
    fill(target, (source, weight) => {
      sources.push(source);
      weights.push(weight);
    });
    begins.push(sources.length);
  }
  return { begins: Int32Array.from(begins), sources: Int32Array.from(sources), weights: Float32Array.from(weights) };
}
