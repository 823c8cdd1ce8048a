import { createHash } from 'node:crypto';

/** 0 … count − 1 in an order that the seed decides. */
export function randomPermutation(count: number, seed: string): number[] {
  const random = generator(createHash('sha256').update(seed).digest().readUInt32LE());
  const values = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [values[last], values[other]] = [values[other] ?? 0, values[last] ?? 0];
  }
  return values;
}

/** Mulberry32: numbers in [0, 1) of a 32-bit state. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
