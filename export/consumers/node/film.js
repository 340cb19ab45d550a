import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * Decode a film with the `ffmpeg` program.
 *
 * @param {string} path of the film
 * @yields {{seconds: number, picture: object}} presentation time and RGB bytes of each frame, see `fitPicture`
 */
export async function* readFilm(path) {
  // showinfo tells time and size of each frame on standard error, in the order in which frames come on standard output.
  const filters = "format=rgb24,showinfo=checksum=0";
  const options = ["-nostdin", "-hide_banner", "-nostats", "-i", `file:${path}`, "-map", "0:v:0", "-vf", filters];
  const output = ["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"];
  const ffmpeg = spawn("ffmpeg", [...options, ...output], { stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(ffmpeg, "close");
  closed.catch(() => {}); // it is waited for below
  try {
    const bytes = new Bytes(ffmpeg.stdout);
    let said = "";
    for await (const line of createInterface({ input: ffmpeg.stderr })) {
      const found = /showinfo.* pts_time:\s*(-?[\d.]+) .* s:(\d+)x(\d+) /.exec(line);
      if (found === null) {
        said = line;
        continue;
      }
      const [seconds, width, height] = found.slice(1).map(Number);
      const data = await bytes.take(width * height * 3);
      if (data === null) break;
      yield { seconds, picture: { data, width, height, channels: 3 } };
    }
    const [code] = await closed;
    if (code !== 0) throw new Error(`${path} cannot be decoded: ${said}`);
  } finally {
    ffmpeg.kill();
  }
}

/** A stream of bytes, taken by number. */
class Bytes {
  #chunks;
  #rest = Buffer.alloc(0);

  constructor(stream) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, or null if there are not so many. */
  async take(size) {
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < size) {
      const { value, done } = await this.#chunks.next();
      if (done) return null;
      parts.push(value);
      length += value.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(size);
    return all.subarray(0, size);
  }
}
