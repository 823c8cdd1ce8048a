/**
 * IEEE 754 half-precision floats, which JavaScript of this Node version lacks: stored as their bits in a Uint16Array, the
 * way ONNX Runtime passes float16 tensors.
 */
const bits = new Uint32Array(1);
const single = new Float32Array(bits.buffer);

/** Value of each of the 65 536 halves, by its bits. */
const halfValues = Float32Array.from({ length: 0x1_00_00 }, (_, half) => halfValue(half));

/** Rounds to the nearest half, ties to even; beyond ±65 504 to infinity. */
export function toHalfFloats(values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) halves[index] = halfBits(values[index] ?? 0);
  return halves;
}

/** Writes the values of `halves[start …]` to the whole of `target`. */
export function decodeHalfFloats(halves: Uint16Array, start: number, target: Float32Array): void {
  for (let index = 0; index < target.length; index++) {
    target[index] = halfValues[halves[start + index] ?? 0] ?? 0;
  }
}

/** The exact values of `halves`. */
export function fromHalfFloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  decodeHalfFloats(halves, 0, values);
  return values;
}

function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function halfBits(value: number): number {
  single[0] = value;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  // 65 520, half-way between the largest half and the next power of two, is the first that rounds to infinity.
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  if (magnitude < 0x3880_0000) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  // Rebias the exponent from 127 to 15 and round the lowest 13 bits away; a carry moves on to the exponent.
  const rounded = magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
