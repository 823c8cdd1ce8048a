import { RleError } from './rle-error.js';

// One character carries five bits of a number and whether more follow, offset so that it is printable.
const characterOffset = 48;
const bitsPerCharacter = 5;
const lowBits = 0b01_1111;
const signBit = 0b01_0000;
const moreBit = 0b10_0000;

/** Numbers stay within 30 bits because a mask has fewer than 2^29 pixels. */
const maximumBits = 30;
const maximumCharacters = maximumBits / bitsPerCharacter;

/** COCO's compressed counts: from the fourth run on, the difference to the run before the last, five bits a character. */
export function formatCounts(runs: Uint32Array): string {
  let bytes = Buffer.allocUnsafe(runs.length * 2 + maximumCharacters);
  let length = 0;
  for (let index = 0; index < runs.length; index++) {
    if (length + maximumCharacters > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
    let value = runs[index] ?? 0;
    if (index > 2) value -= runs[index - 2] ?? 0;
    let more = true;
    while (more) {
      let bits = value & lowBits;
      value >>= bitsPerCharacter;
      more = value !== ((bits & signBit) === 0 ? 0 : -1);
      if (more) bits |= moreBit;
      bytes[length++] = bits + characterOffset;
    }
  }
  return bytes.toString('latin1', 0, length);
}

/**
 * Runs of compressed counts. Allocates no more than four bytes a character or a pixel, whichever is less.
 *
 * @throws RleError unless the characters are well formed and the runs are not negative and add up to `pixels`.
 */
export function parseCounts(counts: string, pixels: number): Uint32Array {
  const runs = new Uint32Array(Math.min(counts.length, pixels + 1));
  let count = 0;
  let remaining = pixels;
  let index = 0;
  while (index < counts.length) {
    let value = 0;
    let shift = 0;
    let bits: number;
    do {
      if (index === counts.length) throw new RleError('The counts end in the middle of a number.');
      if (shift === maximumBits) {
        throw new RleError(`A number of the counts is longer than ${maximumCharacters} characters.`);
      }
      bits = counts.charCodeAt(index) - characterOffset;
      if (bits < 0 || bits > (lowBits | moreBit)) {
        throw new RleError(`The counts hold an invalid character at index ${index}.`);
      }
      value |= (bits & lowBits) << shift;
      shift += bitsPerCharacter;
      index++;
    } while ((bits & moreBit) !== 0);
    if ((bits & signBit) !== 0) value |= -1 << shift;
    if (count > 2) value += runs[count - 2] ?? 0;
    remaining = checkedRemainder(value, count, remaining, runs.length);
    runs[count++] = value;
  }
  return completeRuns(runs, count, remaining);
}

/**
 * Runs of uncompressed counts.
 *
 * @throws RleError unless the counts are non-negative integers that add up to `pixels`.
 */
export function checkCounts(counts: readonly unknown[], pixels: number): Uint32Array {
  const runs = new Uint32Array(Math.min(counts.length, pixels + 1));
  let remaining = pixels;
  for (let index = 0; index < counts.length; index++) {
    const run = counts[index];
    if (typeof run !== 'number' || !Number.isInteger(run)) throw new RleError(`Run ${index} is not an integer.`);
    remaining = checkedRemainder(run, index, remaining, runs.length);
    runs[index] = run;
  }
  return completeRuns(runs, counts.length, remaining);
}

function checkedRemainder(run: number, index: number, remaining: number, maximumRuns: number): number {
  if (index >= maximumRuns) throw new RleError('There are more runs than the mask has pixels.');
  if (run < 0) throw new RleError(`Run ${index} is negative.`);
  if (run > remaining) throw new RleError('The runs add up to more pixels than the mask has.');
  return remaining - run;
}

function completeRuns(runs: Uint32Array, count: number, remaining: number): Uint32Array {
  if (remaining !== 0) throw new RleError(`The runs leave ${remaining} pixels of the mask undefined.`);
  return runs.subarray(0, count);
}
