/** What the numbers of a seed are for; each purpose has its own stream. */
const streams = { order: 1, dropout: 2, split: 3 } as const;

/** Weyl increment of the counter: 2³² divided by the golden ratio, made odd. */
const increment = 0x9e3779b9;

/** A bijection of 32-bit integers that mixes well: "lowbias32" (Wellons, "Prospecting for Hash Functions", 2018). */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Random 32-bit integers by their place instead of by a state: `word(i) = mix(key + i · increment)` modulo 2³², with
 * `key = mix(mix(mix(seed) + stream) + counter)`. A training that goes on from a checkpoint needs nothing but the seed, and
 * any language gives the same numbers (`training/tessera_composition/seeded_random.py`), which a generator with a state, such as
 * `SeededRandom` of `@tessera/runtime`, does not.
 */
function words(seed: number, stream: number, counter: number, length: number): Uint32Array {
  const key = mix(mix(mix(seed) + stream) + counter);
  return Uint32Array.from({ length }, (_, index) => mix(key + Math.imul(index, increment)));
}

/** The order in which epoch `epoch` (from 1) shows `count` examples: their indices sorted by random words. */
export function epochOrder(seed: number, epoch: number, count: number): Uint32Array {
  return sortedByWord(words(seed, streams.order, epoch, count));
}

/** A random order of `count` elements, the same for the same `part` of a split. */
export function splitOrder(seed: number, part: number, count: number): Uint32Array {
  return sortedByWord(words(seed, streams.split, part, count));
}

/**
 * The dropout mask of step `step` (from 1, not starting anew with an epoch): 0 where the random word is below
 * `probability` · 2³², elsewhere 1 / (1 − probability).
 */
export function dropoutMask(seed: number, step: number, length: number, probability: number): Float32Array {
  const threshold = probability * 2 ** 32;
  const scale = 1 / (1 - probability);
  return Float32Array.from(words(seed, streams.dropout, step, length), (word) => (word < threshold ? 0 : scale));
}

function sortedByWord(keys: Uint32Array): Uint32Array {
  const wordAt = (index: number): number => keys[index] ?? 0;
  return Uint32Array.from(keys.keys()).sort((one, other) => wordAt(one) - wordAt(other) || one - other);
}
