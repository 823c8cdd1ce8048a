/** One row of mask pixels, to be read a byte or four bytes at a time; bytes beyond the row's width are zero. */
export interface WordRow {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** Up to this width a loop copies faster than a view for `set` can be made. */
const narrow = 64;

/** A zero row. Rows are copied into it because those of a mask do not begin at multiples of four bytes. */
export function createWordRow(width: number): WordRow {
  const words = new Uint32Array(Math.ceil(width / 4));
  return { bytes: new Uint8Array(words.buffer), words };
}

/** Copies the `width` pixels at `start` into a row of that width. */
export function loadRow(row: WordRow, data: Uint8Array, start: number, width: number): void {
  if (width > narrow) {
    row.bytes.set(data.subarray(start, start + width));
    return;
  }
  for (let column = 0; column < width; column++) {
    row.bytes[column] = data[start + column] ?? 0;
  }
}
