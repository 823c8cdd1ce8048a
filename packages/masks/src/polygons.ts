import { assertMask, type BinaryMask } from './binary-mask.js';
import { grown } from './growable-array.js';

/** A mask whose outline has more corners than the caller wants to hold. */
export class PolygonLimitError extends Error {
  override readonly name = 'PolygonLimitError';
}

export interface PolygonLimits {
  /** The most corners of all contours together. */
  readonly maximumCorners?: number;
}

const defaultMaximumCorners = 4_000_000;

/**
 * The contours of a mask along its pixel edges, each `[x1, y1, x2, y2, …]` in pixel corners (0…W, 0…H), closed without
 * repeating the first point, without points on straight lines. Filling all of them together by the even-odd rule gives
 * back the mask exactly.
 *
 * Every 8-connected component has one outer contour, clockwise on the screen, and one counter-clockwise contour for
 * each of its holes. Where pixels meet at a corner alone, a contour may touch itself, but never cross.
 *
 * @throws RangeError if `mask` is not a mask.
 * @throws PolygonLimitError if there are more corners than the limit (by default 4 million), as soon as
 * that many are found.
 */
export function maskToPolygons(
  mask: BinaryMask,
  { maximumCorners = defaultMaximumCorners }: PolygonLimits = {},
): number[][] {
  assertMask(mask);
  const edges = new HorizontalEdges(mask.width, Math.floor(maximumCorners / 2));
  const outside = new Uint8Array(mask.width);
  let above: Uint8Array = outside;
  for (let row = 0; row <= mask.height; row++) {
    const below = row < mask.height ? mask.data.subarray(row * mask.width, (row + 1) * mask.width) : outside;
    edges.addLine(row, above, below);
    above = below;
  }
  return edges.contours();
}

const visited = 0xffff_ffff;

/** +1: the mask is below the edge, which runs to the right. -1: it is above, and the edge runs to the left. */
type Direction = -1 | 0 | 1;

/**
 * The horizontal edges of all contours, linked in walking order while the mask is read from top to bottom.
 *
 * A contour keeps the mask on its right and alternates horizontal and vertical edges. Its horizontal edges and their
 * order describe it: from the end of each, a vertical edge leads to the start of the next.
 */
class HorizontalEdges {
  readonly #maximum: number;
  #count = 0;
  #startX: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #endX: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #y: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #next: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  /** For each x, the edge from which a vertical edge goes down past the rows read so far. */
  readonly #above: Uint32Array;

  constructor(width: number, maximum: number) {
    this.#maximum = maximum;
    this.#above = new Uint32Array(width + 1);
  }

  /** Adds the edges on the line `y` between two rows of pixels. */
  addLine(y: number, upperRow: Uint8Array, lowerRow: Uint8Array): void {
    const width = upperRow.length;
    let direction: Direction = 0;
    let upperLeft = 0;
    for (let x = 0; x < width; x++) {
      const upper = upperRow[x] ?? 0;
      const lower = lowerRow[x] ?? 0;
      if (lower - upper !== direction) {
        const next = Math.sign(lower - upper) as Direction;
        this.#addCorner(x, y, direction, next, upperLeft !== upper);
        direction = next;
      }
      upperLeft = upper;
    }
    if (direction !== 0) this.#addCorner(width, y, direction, 0, upperLeft !== 0);
  }

  /** Ends the edge on the left of a corner, begins the one on its right, and joins them to the vertical edges there. */
  #addCorner(x: number, y: number, left: Direction, right: Direction, hasVerticalAbove: boolean): void {
    const leftEdge = this.#count - 1;
    if (left !== 0) (left === 1 ? this.#endX : this.#startX)[leftEdge] = x;
    if (right !== 0) this.#addEdge(x, y, right);
    const rightEdge = leftEdge + 1;
    const leftStartsHere = left === -1;
    const rightStartsHere = right === 1;

    if (left !== 0 && right !== 0) {
      // Two mask pixels meet at this corner alone. The contour turns around the other two, so that these stay joined.
      if (left === 1) {
        this.#joinAbove(x, leftEdge, leftStartsHere);
        this.#above[x] = rightEdge;
      } else {
        this.#joinAbove(x, rightEdge, rightStartsHere);
        this.#above[x] = leftEdge;
      }
      return;
    }
    const edge = left === 0 ? rightEdge : leftEdge;
    if (hasVerticalAbove) {
      this.#joinAbove(x, edge, leftStartsHere || rightStartsHere);
    } else {
      this.#above[x] = edge;
    }
  }

  #addEdge(x: number, y: number, direction: Direction): void {
    const edge = this.#count;
    if (edge >= this.#maximum) {
      throw new PolygonLimitError(`The contours of the mask have more than ${2 * this.#maximum} corners.`);
    }
    this.#count = edge + 1;
    this.#startX = grown(this.#startX, this.#count);
    this.#endX = grown(this.#endX, this.#count);
    this.#y = grown(this.#y, this.#count);
    this.#next = grown(this.#next, this.#count);
    (direction === 1 ? this.#startX : this.#endX)[edge] = x;
    this.#y[edge] = y;
  }

  #joinAbove(x: number, edge: number, edgeStartsHere: boolean): void {
    const other = this.#above[x] ?? 0;
    if (edgeStartsHere) {
      this.#next[other] = edge;
    } else {
      this.#next[edge] = other;
    }
  }

  /** The closed contours, in reading order of their first corners; to be read once, after the last line. */
  contours(): number[][] {
    const contours: number[][] = [];
    for (let first = 0; first < this.#count; first++) {
      const contour: number[] = [];
      let edge = first;
      let next = this.#next[edge] ?? visited;
      while (next !== visited) {
        const y = this.#y[edge] ?? 0;
        contour.push(this.#startX[edge] ?? 0, y, this.#endX[edge] ?? 0, y);
        this.#next[edge] = visited;
        edge = next;
        next = this.#next[edge] ?? visited;
      }
      if (contour.length > 0) contours.push(contour);
    }
    return contours;
  }
}
