import type { PixelImage, ResizeTarget } from '@tessera/images/decoding';
import type { Box } from './box.js';

/** A picture of an image, or of a part of it, as the detector reads it. */
export interface ImageView {
  readonly pixels: PixelImage;
  readonly place: ViewPlace;
}

/** What of an image a view shows. */
export interface ViewPlace {
  /** In shares of the image's width and height. Below 0 and beyond 1 the view is padded. */
  readonly box: Box;
  /** Whether there is more of the image beyond the view's left, upper, right and lower edge. */
  readonly isCut: readonly [left: boolean, top: boolean, right: boolean, bottom: boolean];
  /** What a detector score counts for that was found here. */
  readonly scoreWeight: number;
}

/** The pictures that a model reads. */
export interface ViewSize {
  /** The longer side of a view, in pixels. */
  readonly side: number;
  /** The other side is a multiple of this, in pixels; without one views are square. */
  readonly multiple?: number | undefined;
}

/** How an image is shown to the detector: what it is scaled to, and the views that are cut out of these. */
export interface ViewPlan {
  readonly targets: readonly ResizeTarget[];
  /** Of the views, in their order. */
  readonly places: readonly ViewPlace[];
  readonly cut: (images: readonly PixelImage[]) => ImageView[];
}

/** Up to this aspect one view shows an image well; beyond, its objects are too small in it. No view is longer. */
const oneViewAspect = 2;
/** What a tile shows may be this much longer than it is broad; the tile itself is square. */
const tileAspect = 1.25;
/** Tiles overlap by at least this share of their length, so that an object is whole in one of them. */
const tileOverlap = 0.25;
/** Of a longer image the tiles are stretched. */
const maximumTiles = 8;
/**
 * The highest of several views' scores is of a false peak more often than one view's, and what fills a tile is seen
 * better in the whole image. Chosen on training photos cut to 4 : 1 and 1 : 4.
 */
const tileWeight = 0.6;
/** ImageNet's mean colour, which says nothing. */
const paddingColour = [124, 116, 103] as const;

export const wholeImage: ViewPlace = {
  box: [0, 0, 1, 1],
  isCut: [false, false, false, false],
  scoreWeight: 1,
};

/**
 * The whole image, its aspect kept, in the middle of a view that is padded as little as the model allows. One longer than
 * 2 : 1 is padded to a square, and seen in overlapping tiles along it, too, which show its objects larger.
 */
export function planViews(
  { width, height }: { readonly width: number; readonly height: number },
  { side, multiple = side }: ViewSize,
): ViewPlan {
  const isWide = width >= height;
  const aspect = isWide ? width / height : height / width;
  const breadth = Math.max(1, Math.round(side / aspect));
  if (aspect > oneViewAspect) {
    return withTiles(planPadded({ isWide, breadth, padded: side }, side), { isWide, aspect }, side);
  }
  return planPadded({ isWide, breadth, padded: Math.min(side, Math.ceil(breadth / multiple) * multiple) }, side);
}

interface Shape {
  readonly isWide: boolean;
}

interface PaddedShape extends Shape {
  /** Of the image when it is as long as the view, in pixels. */
  readonly breadth: number;
  /** Of the view. */
  readonly padded: number;
}

function planPadded({ isWide, breadth, padded }: PaddedShape, side: number): ViewPlan {
  const before = Math.floor((padded - breadth) / 2);
  const [from, to] = [-before / breadth, (padded - before) / breadth];
  const place: ViewPlace = { ...wholeImage, box: isWide ? [0, from, 1, to] : [from, 0, to, 1] };
  return {
    targets: [sized({ isWide, length: side, breadth })],
    places: [place],
    cut: ([image]) => {
      if (image === undefined) return [];
      const pixels = isWide
        ? cutOut(image, { left: 0, top: -before, width: side, height: padded })
        : cutOut(image, { left: -before, top: 0, width: padded, height: side });
      return [{ pixels, place }];
    },
  };
}

function withTiles(whole: ViewPlan, { isWide, aspect }: Shape & { readonly aspect: number }, side: number): ViewPlan {
  const tiles = Math.min(maximumTiles, Math.ceil((aspect / tileAspect - tileOverlap) / (1 - tileOverlap)));
  const stripLength = Math.round(side * (1 + (tiles - 1) * (1 - tileOverlap)));
  const starts = Array.from({ length: tiles }, (_, tile) => Math.round((tile * (stripLength - side)) / (tiles - 1)));
  const places = starts.map((start, tile): ViewPlace => {
    const [from, to] = [start / stripLength, (start + side) / stripLength];
    const [isCutBefore, isCutAfter] = [tile > 0, tile < tiles - 1];
    return isWide
      ? { box: [from, 0, to, 1], isCut: [isCutBefore, false, isCutAfter, false], scoreWeight: tileWeight }
      : { box: [0, from, 1, to], isCut: [false, isCutBefore, false, isCutAfter], scoreWeight: tileWeight };
  });
  return {
    targets: [...whole.targets, sized({ isWide, length: stripLength, breadth: side })],
    places: [...whole.places, ...places],
    cut: ([image, strip]) => {
      if (image === undefined || strip === undefined) return [];
      const views = places.map((place, tile) => {
        const start = starts[tile] ?? 0;
        const [left, top] = isWide ? [start, 0] : [0, start];
        return { pixels: cutOut(strip, { left, top, width: side, height: side }), place };
      });
      return [...whole.cut([image]), ...views];
    },
  };
}

function sized({ isWide, length, breadth }: Shape & Readonly<Record<'length' | 'breadth', number>>): ResizeTarget {
  return isWide ? { width: length, height: breadth, fit: 'fill' } : { width: breadth, height: length, fit: 'fill' };
}

/** One view: the largest square around the centre, as CLIP reads an image. */
export function planCentreCrop(
  { width, height }: { readonly width: number; readonly height: number },
  side: number,
): ViewPlan {
  const square = Math.min(width, height);
  const [left, top] = [(width - square) / 2 / width, (height - square) / 2 / height];
  const isCut = [left > 0, top > 0, left > 0, top > 0] as const;
  const place: ViewPlace = { box: [left, top, 1 - left, 1 - top], isCut, scoreWeight: 1 };
  return oneView({ width: side, height: side, fit: 'cover' }, place);
}

function oneView(target: ResizeTarget, place: ViewPlace): ViewPlan {
  return {
    targets: [target],
    places: [place],
    cut: ([pixels]) => (pixels === undefined ? [] : [{ pixels, place }]),
  };
}

interface PixelArea {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** An area of an image, in pixels; where it is beyond the image it is padded. */
function cutOut(image: PixelImage, { left, top, width, height }: PixelArea): PixelImage {
  const data = paddingOf(width * height);
  const [first, last] = [Math.max(0, left), Math.min(image.width, left + width)];
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++) {
    const row = image.data.subarray((y * image.width + first) * 3, (y * image.width + last) * 3);
    data.set(row, ((y - top) * width + first - left) * 3);
  }
  return { width, height, data };
}

function paddingOf(pixels: number): Uint8Array {
  const data = new Uint8Array(pixels * 3);
  data.set(paddingColour);
  for (let filled = paddingColour.length; filled < data.length; filled *= 2) data.copyWithin(filled, 0, filled);
  return data;
}
