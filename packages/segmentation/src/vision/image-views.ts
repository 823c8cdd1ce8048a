import type { PixelImage, ResizeTarget } from '@tessera/images/decoding';
import type { Box } from './box.js';

/** A square picture of an image, or of a part of it, as the detector reads it. */
export interface ImageView {
  readonly pixels: PixelImage;
  readonly place: ViewPlace;
}

/** What of an image a view shows. */
export interface ViewPlace {
  /** In shares of the image's width and height. Beyond 1 the view is padded. */
  readonly box: Box;
  /** Whether there is more of the image beyond the view's left, upper, right and lower edge. */
  readonly isCut: readonly [left: boolean, top: boolean, right: boolean, bottom: boolean];
  /** What a detector score counts for that was found here. */
  readonly scoreWeight: number;
}

/** How an image is shown to the detector: what it is scaled to, and the views that are cut out of these. */
export interface ViewPlan {
  readonly targets: readonly ResizeTarget[];
  /** Of the views, in their order. */
  readonly places: readonly ViewPlace[];
  readonly cut: (images: readonly PixelImage[]) => ImageView[];
}

/** Up to this aspect an image is stretched to the square; beyond, the detector does not recognise objects in it. */
const stretchableAspect = 2;
/** A tile may be this much longer than it is broad; the detector reads it as a square. */
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
 * One view, stretched to a square, of an image up to 2 : 1. Of a longer one the whole image padded to a square, for the
 * objects that fill it, and overlapping tiles along it, which show the others large.
 *
 * @param side - of a view, in pixels
 */
export function planViews(
  { width, height }: { readonly width: number; readonly height: number },
  side: number,
): ViewPlan {
  const isWide = width >= height;
  const aspect = isWide ? width / height : height / width;
  if (aspect <= stretchableAspect) {
    return oneView({ width: side, height: side, fit: 'fill' }, wholeImage);
  }
  const tiles = Math.min(maximumTiles, Math.ceil((aspect / tileAspect - tileOverlap) / (1 - tileOverlap)));
  const stripLength = Math.round(side * (1 + (tiles - 1) * (1 - tileOverlap)));
  const sized = (length: number, breadth: number): ResizeTarget =>
    isWide ? { width: length, height: breadth, fit: 'fill' } : { width: breadth, height: length, fit: 'fill' };
  const breadth = Math.max(1, Math.round(side / aspect));
  const padded: Box = isWide ? [0, 0, 1, side / breadth] : [0, 0, side / breadth, 1];
  const starts = Array.from({ length: tiles }, (_, tile) => Math.round((tile * (stripLength - side)) / (tiles - 1)));
  const tilePlaces = starts.map((start, tile): ViewPlace => {
    const [from, to] = [start / stripLength, (start + side) / stripLength];
    const [isCutBefore, isCutAfter] = [tile > 0, tile < tiles - 1];
    return isWide
      ? { box: [from, 0, to, 1], isCut: [isCutBefore, false, isCutAfter, false], scoreWeight: tileWeight }
      : { box: [0, from, 1, to], isCut: [false, isCutBefore, false, isCutAfter], scoreWeight: tileWeight };
  });
  const places = [{ ...wholeImage, box: padded }, ...tilePlaces];
  return {
    targets: [sized(side, breadth), sized(stripLength, side)],
    places,
    cut: ([whole, strip]) => {
      if (whole === undefined || strip === undefined) return [];
      const tilePixels = starts.map((start) =>
        isWide ? cutOut(strip, start, 0, side) : cutOut(strip, 0, start, side),
      );
      return [cutOut(whole, 0, 0, side), ...tilePixels].map((pixels, view) => ({
        pixels,
        place: places[view] ?? wholeImage,
      }));
    },
  };
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

/** The square from a pixel on, padded where it reaches beyond the image. */
function cutOut(image: PixelImage, left: number, top: number, side: number): PixelImage {
  const data = new Uint8Array(side * side * 3);
  for (let index = 0; index < data.length; index++) data[index] = paddingColour[index % 3] ?? 0;
  const columns = Math.min(side, image.width - left);
  for (let row = 0; row < Math.min(side, image.height - top); row++) {
    const start = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(start, start + columns * 3), row * side * 3);
  }
  return { width: side, height: side, data };
}
