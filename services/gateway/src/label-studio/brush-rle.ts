import type { BinaryMask } from '@tessera/masks';

/** Bits of a value: a channel of a pixel. */
const valueBits = 8;
/** Bits of a run's length, of which every run names one. */
const lengthBits = [3, 4, 8, 16] as const;
const channels = 4;
const inside = 255;

/**
 * A mask in the run-length encoding of Label Studio's brush, thi.ng/rle-pack: bits, the highest of a byte first. A head has
 * the number of values (32 bits), the bits of a value less one (5), and four bits of lengths less one (4 each). Then each run
 * has a flag 1, the index of its bits of length (2), its length less one, and its value. Values are the channels of RGBA
 * pixels, row by row: 255 inside the mask and 0 outside.
 */
export function encodeBrush({ width, height, data }: BinaryMask): Uint8Array {
  const bits = new BitWriter();
  bits.write(width * height * channels, 32);
  bits.write(valueBits - 1, 5);
  for (const length of lengthBits) bits.write(length - 1, 4);
  let pixel = 0;
  let value: 0 | 1 = 0;
  while (pixel < data.length) {
    const end = data.indexOf(1 - value, pixel);
    const next = end === -1 ? data.length : end;
    writeRun(bits, (next - pixel) * channels, value * inside);
    pixel = next;
    value = value === 0 ? 1 : 0;
  }
  return bits.bytes();
}

function writeRun(bits: BitWriter, length: number, value: number): void {
  for (let left = length; left > 0;) {
    const index = lengthBits.findIndex((size) => left <= 2 ** size);
    const size = lengthBits[index] ?? 16;
    const part = Math.min(left, 2 ** size);
    bits.write(1, 1);
    bits.write(index === -1 ? lengthBits.length - 1 : index, 2);
    bits.write(part - 1, size);
    bits.write(value, valueBits);
    left -= part;
  }
}

/** Bits as bytes, the highest first. */
class BitWriter {
  #bytes = new Uint8Array(1024);
  #bits = 0;

  /** Appends the lowest `count` bits of a number, at most 32. */
  write(value: number, count: number): void {
    const end = (this.#bits + count + 7) >> 3;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (let bit = count - 1; bit >= 0; bit--) {
      const index = this.#bits >> 3;
      if (((value >>> bit) & 1) === 1) this.#bytes[index] = (this.#bytes[index] ?? 0) | (0x80 >> (this.#bits & 7));
      this.#bits++;
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, (this.#bits + 7) >> 3);
  }
}
