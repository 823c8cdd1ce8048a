import type { MaskLogits } from './mask-logits.js';
import type { PromptPoint } from './mask-prompt.js';

/** Parts of a mask smaller than this share of its largest part go. */
const leastPart = 0.05;
/** Holes smaller than this share of the largest part are filled. */
const leastHole = 0.02;

/** Cells of a grid that lie beside one another and are alike. */
interface Region {
  readonly cells: Int32Array;
  readonly isInside: boolean;
  /** Whether it reaches the edge of the image. */
  readonly isAtEdge: boolean;
}

/**
 * Removes the specks that SAM leaves beside an object, and fills the small holes in it, as Kirillov et al. do for their
 * own masks ("Segment Anything", appendix B). A part with a point of the prompt that is on the object stays, and so does
 * a hole with a point beside it. The logits of what changes change their sign, in place.
 */
export function removeSpecks(logits: MaskLogits, points: readonly PromptPoint[] = []): void {
  const { data, side } = logits;
  const columns = Math.max(1, Math.ceil(logits.imageWidth * side));
  const rows = Math.max(1, Math.ceil(logits.imageHeight * side));
  const cellOf = ({ x, y }: PromptPoint): number =>
    Math.min(rows - 1, Math.floor(y * rows)) * side + Math.min(columns - 1, Math.floor(x * columns));
  const grid = { side, rows, columns };
  const hasPoint = ({ cells, isInside }: Region): boolean =>
    points.some((point) => point.isOnObject === isInside && cells.includes(cellOf(point)));
  const regions = regionsOf(data, grid);
  const parts = regions.filter(({ isInside }) => isInside);
  const largest = Math.max(0, ...parts.map(({ cells }) => cells.length));
  const specks = parts.filter((part) => part.cells.length < largest * leastPart && !hasPoint(part));
  for (const { cells } of specks) for (const cell of cells) data[cell] = -(data[cell] ?? 0);
  // A hole in a speck has gone with it.
  for (const hole of specks.length === 0 ? regions : regionsOf(data, grid)) {
    if (hole.isInside || hole.isAtEdge || hole.cells.length >= largest * leastHole || hasPoint(hole)) continue;
    // A logit of 0 is outside.
    for (const cell of hole.cells) data[cell] = Math.max(-(data[cell] ?? 0), 1e-6);
  }
}

interface Grid {
  readonly side: number;
  readonly rows: number;
  readonly columns: number;
}

/** All regions of the part of the grid that the image covers, by flood fill over the four neighbours. */
function regionsOf(data: Float32Array, { side, rows, columns }: Grid): Region[] {
  const seen = new Uint8Array(data.length);
  /** Every cell once, region by region: the queue of the fill. */
  const cells = new Int32Array(rows * columns);
  let end = 0;
  const visit = (cell: number, isInside: boolean): void => {
    if (seen[cell] === 1 || (data[cell] ?? 0) > 0 !== isInside) return;
    seen[cell] = 1;
    cells[end++] = cell;
  };
  const regions: Region[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const start = row * side + column;
      if (seen[start] === 1) continue;
      const isInside = (data[start] ?? 0) > 0;
      let isAtEdge = false;
      const begin = end;
      visit(start, isInside);
      for (let next = begin; next < end; next += 1) {
        const cell = cells[next] ?? 0;
        const x = cell % side;
        const y = (cell - x) / side;
        if (x > 0) visit(cell - 1, isInside);
        if (x < columns - 1) visit(cell + 1, isInside);
        if (y > 0) visit(cell - side, isInside);
        if (y < rows - 1) visit(cell + side, isInside);
        isAtEdge ||= y === 0 || x === 0 || y === rows - 1 || x === columns - 1;
      }
      regions.push({ cells: cells.subarray(begin, end), isInside, isAtEdge });
    }
  }
  return regions;
}
