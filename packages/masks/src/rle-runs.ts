import { createMask, type BinaryMask } from './binary-mask.js';
import { grown } from './growable-array.js';
import { createWordRow, loadRow } from './word-row.js';

/**
 * COCO runs: lengths of alternating runs of zeros and ones down the columns, left to right, beginning with zeros (a
 * mask that begins with a one has a first run of length 0).
 *
 * Transposing the pixels would touch memory with a stride of one row. Instead one pass in memory order finds the
 * pixels that differ from the one above, and only those are sorted by column.
 */
export function maskToRuns({ height, width, data }: BinaryMask): Uint32Array {
  const rowEnds = new Uint32Array(height);
  let changedColumns: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  let count = 0;

  let above = createWordRow(width);
  let current = createWordRow(width);
  // The pixel before the first of a column is the last of the column to its left.
  above.bytes.set(data.subarray((height - 1) * width, height * width - 1), 1);
  for (let row = 0; row < height; row++) {
    loadRow(current, data, row * width, width);
    changedColumns = grown(changedColumns, count + width + 4);
    for (let word = 0; word < current.words.length; word++) {
      if (current.words[word] !== above.words[word]) {
        // Written always and kept only if there is a change: without a branch, noise does not stall the processor.
        for (let column = 4 * word; column < 4 * word + 4; column++) {
          changedColumns[count] = column;
          count += (current.bytes[column] ?? 0) ^ (above.bytes[column] ?? 0);
        }
      }
    }
    rowEnds[row] = count;
    [above, current] = [current, above];
  }
  return runsBetween(sortByColumn(changedColumns.subarray(0, count), rowEnds, width), height * width);
}

/** Column-major positions of changes, ascending, from their columns listed row by row. */
function sortByColumn(changedColumns: Uint32Array, rowEnds: Uint32Array, width: number): Uint32Array {
  const height = rowEnds.length;
  const count = changedColumns.length;
  const next = new Uint32Array(width + 1);
  for (let index = 0; index < count; index++) {
    const column = changedColumns[index] ?? 0;
    next[column + 1] = (next[column + 1] ?? 0) + 1;
  }
  for (let column = 1; column < width; column++) {
    next[column] = (next[column] ?? 0) + (next[column - 1] ?? 0);
  }
  const positions = new Uint32Array(count);
  let index = 0;
  for (let row = 0; row < height; row++) {
    const end = rowEnds[row] ?? 0;
    for (; index < end; index++) {
      const column = changedColumns[index] ?? 0;
      const slot = next[column] ?? 0;
      positions[slot] = column * height + row;
      next[column] = slot + 1;
    }
  }
  return positions;
}

function runsBetween(positions: Uint32Array, pixels: number): Uint32Array {
  const runs = new Uint32Array(positions.length + 1);
  let previous = 0;
  for (let index = 0; index < positions.length; index++) {
    const position = positions[index] ?? 0;
    runs[index] = position - previous;
    previous = position;
  }
  runs[positions.length] = pixels - previous;
  return runs;
}

/**
 * The mask of runs that add up to `height * width`: the same in reverse. Each pixel where a run begins is marked, then
 * every row becomes its marks combined with the row above.
 */
export function runsToMask(height: number, width: number, runs: Uint32Array): BinaryMask {
  const mask = createMask(height, width);
  const { data } = mask;
  const columnParity = new Uint8Array(width);
  const pixels = data.length;
  const changes = runs.length - 1;
  let position = 0;
  for (let run = 0; run < changes; run++) {
    position += runs[run] ?? 0;
    // Runs of no length at the end put changes behind the last pixel.
    if (position < pixels) {
      const column = Math.floor(position / height);
      const index = (position - column * height) * width + column;
      data[index] = (data[index] ?? 0) ^ 1;
      columnParity[column] = (columnParity[column] ?? 0) ^ 1;
    }
  }

  let carried = 0;
  for (let column = 0; column < width; column++) {
    data[column] = (data[column] ?? 0) ^ carried;
    carried ^= columnParity[column] ?? 0;
  }
  for (let index = width; index < pixels; index++) {
    data[index] = (data[index] ?? 0) ^ (data[index - width] ?? 0);
  }
  return mask;
}
