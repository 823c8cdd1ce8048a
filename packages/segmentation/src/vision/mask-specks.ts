import type { MaskLogits } from './mask-logits.js';
import type { PromptPoint } from './mask-prompt.js';

/** Parts of a mask smaller than this share of its largest part go. */
const leastPart = 0.05;
/** Holes smaller than this share of the largest part are filled. */
const leastHole = 0.02;

/** Cells of a grid that lie beside one another and are alike. */
interface Region {
  readonly cells: readonly number[];
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
  const hasPoint = ({ cells, isInside }: Region): boolean => {
    const own = new Set(cells);
    return points.some((point) => point.isOnObject === isInside && own.has(cellOf(point)));
  };
  const parts = regionsOf(data, grid).filter(({ isInside }) => isInside);
  const largest = Math.max(0, ...parts.map(({ cells }) => cells.length));
  for (const part of parts) {
    if (part.cells.length >= largest * leastPart || hasPoint(part)) continue;
    for (const cell of part.cells) data[cell] = -(data[cell] ?? 0);
  }
  // Looked for again, since a hole in a speck has gone with it.
  for (const hole of regionsOf(data, grid)) {
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
  const regions: Region[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const start = row * side + column;
      if (seen[start] === 1) continue;
      const isInside = (data[start] ?? 0) > 0;
      let isAtEdge = false;
      const cells = [start];
      seen[start] = 1;
      // The list grows while it is read.
      for (const cell of cells) {
        const [y, x] = [Math.floor(cell / side), cell % side];
        if (y === 0 || x === 0 || y === rows - 1 || x === columns - 1) isAtEdge = true;
        const neighbours = [
          x > 0 ? cell - 1 : -1,
          x < columns - 1 ? cell + 1 : -1,
          y > 0 ? cell - side : -1,
          y < rows - 1 ? cell + side : -1,
        ];
        for (const neighbour of neighbours) {
          if (neighbour < 0 || seen[neighbour] === 1 || (data[neighbour] ?? 0) > 0 !== isInside) continue;
          seen[neighbour] = 1;
          cells.push(neighbour);
        }
      }
      regions.push({ cells, isInside, isAtEdge });
    }
  }
  return regions;
}
