import { assertMask, createMask, type BinaryMask } from './binary-mask.js';
import { grown } from './growable-array.js';

/** The 8-connected components of a mask: pixels that touch at an edge or a corner belong together. */
export interface Components {
  readonly height: number;
  readonly width: number;
  readonly count: number;
  /** `[H, W]`: 0 outside the mask, else the component, numbered from 1 by its first pixel in reading order. */
  readonly labels: Uint32Array;
  /** Pixels of each component, `[count + 1]` by label; 0 at index 0. */
  readonly areas: Uint32Array;
}

/**
 * Labels the 8-connected components of a mask: one pass unites the runs of each row with those of the row above in a
 * union-find forest, a second one numbers the pixels. Takes four bytes a pixel for the labels, and for the forest four
 * bytes a run at which a component may have begun: on noise a fraction of the labels.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function connectedComponents(mask: BinaryMask): Components {
  assertMask(mask);
  const { height, width, data } = mask;
  const labels = new Uint32Array(height * width);
  let parents: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  let provisional = 0;

  for (let row = 0; row < height; row++) {
    const start = row * width;
    const end = start + width;
    parents = grown(parents, provisional + (width >> 1) + 2);
    let index = start;
    while (index < end) {
      if (data[index] !== 1) {
        index++;
        continue;
      }
      const runStart = index;
      while (index < end && data[index] === 1) {
        index++;
      }
      let label = 0;
      if (row > 0) {
        const aboveStart = Math.max(runStart - 1, start) - width;
        const aboveEnd = Math.min(index + 1, end) - width;
        label = uniteNeighbours(labels, parents, aboveStart, aboveEnd);
      }
      if (label === 0) {
        label = ++provisional;
        parents[label] = label;
      }
      for (let pixel = runStart; pixel < index; pixel++) {
        labels[pixel] = label;
      }
    }
  }

  const count = numberRoots(parents, provisional);
  const areas = new Uint32Array(count + 1);
  for (let index = 0; index < labels.length; index++) {
    const provisionalLabel = labels[index] ?? 0;
    if (provisionalLabel !== 0) {
      const label = parents[provisionalLabel] ?? 0;
      labels[index] = label;
      areas[label] = (areas[label] ?? 0) + 1;
    }
  }
  return { height, width, count, labels, areas };
}

/** Unites all components among `labels[start, end)` and gives their common root, 0 if there is none. */
function uniteNeighbours(labels: Uint32Array, parents: Uint32Array, start: number, end: number): number {
  let root = 0;
  let previous = 0;
  for (let index = start; index < end; index++) {
    const label = labels[index] ?? 0;
    if (label !== previous && label !== 0) {
      root = root === 0 ? findRoot(parents, label) : unite(parents, root, label);
    }
    previous = label;
  }
  return root;
}

function findRoot(parents: Uint32Array, label: number): number {
  let root = label;
  let parent = parents[root] ?? 0;
  while (parent !== root) {
    const grandparent = parents[parent] ?? 0;
    parents[root] = grandparent;
    root = grandparent;
    parent = parents[root] ?? 0;
  }
  return root;
}

/** The smaller root stays the root, so that a parent is never larger than its child. */
function unite(parents: Uint32Array, one: number, other: number): number {
  const oneRoot = findRoot(parents, one);
  const otherRoot = findRoot(parents, other);
  const root = Math.min(oneRoot, otherRoot);
  parents[Math.max(oneRoot, otherRoot)] = root;
  return root;
}

/** Replaces every parent by the final number of its component; gives how many there are. */
function numberRoots(parents: Uint32Array, provisional: number): number {
  let count = 0;
  for (let label = 1; label <= provisional; label++) {
    const parent = parents[label] ?? 0;
    parents[label] = parent === label ? ++count : (parents[parent] ?? 0);
  }
  return count;
}

/**
 * One component as a mask of the whole image.
 *
 * @throws RangeError if there is no such label.
 */
export function componentMask({ height, width, count, labels }: Components, label: number): BinaryMask {
  if (!Number.isInteger(label) || label < 1 || label > count) {
    throw new RangeError(`There is no component ${label} among ${count}.`);
  }
  const mask = createMask(height, width);
  for (let index = 0; index < labels.length; index++) {
    mask.data[index] = labels[index] === label ? 1 : 0;
  }
  return mask;
}
