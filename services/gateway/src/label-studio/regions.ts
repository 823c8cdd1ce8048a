import { randomBytes } from 'node:crypto';
import type { PredictedRegion } from '@tessera/contracts';
import { decodeRle, maskBoundingBox, maskToPolygons, simplifyPolygons, type UntrustedRle } from '@tessera/masks';
import { encodeBrush } from './brush-rle.js';
import type { RegionKind } from './labeling-config.js';

/** How far a polygon may be from the mask, in pixels: people correct its points by hand. */
const polygonTolerance = 1.5;
/** Parts of an object with fewer pixels are no polygon of their own. */
const smallestPart = 16;

/** An object, and where its regions belong. */
export interface FoundObject {
  readonly kind: RegionKind;
  readonly fromName: string;
  readonly toName: string;
  readonly label: string;
  readonly score: number;
  /** COCO RLE. */
  readonly mask: UntrustedRle;
  /** Of the image, in pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * The regions of an object: its brush or its rectangle; a polygon for each of its parts, whose holes are filled, since
 * polygons of Label Studio have none. Empty for an empty mask.
 */
export function regionsOf(object: FoundObject): PredictedRegion[] {
  const { kind, label, width, height } = object;
  const mask = decodeRle(object.mask, { maximumPixels: width * height });
  const [x, y, boxWidth, boxHeight] = maskBoundingBox(mask);
  if (boxWidth === 0 || boxHeight === 0) return [];
  const percent = (value: number, size: number) => (100 * value) / size;
  switch (kind) {
    case 'brushlabels': {
      const rle = Array.from(encodeBrush(mask));
      return [{ ...head(object), type: kind, value: { format: 'rle', rle, brushlabels: [label] } }];
    }
    case 'rectanglelabels': {
      const place = { x: percent(x, width), y: percent(y, height), rotation: 0 } as const;
      const size = { width: percent(boxWidth, width), height: percent(boxHeight, height) };
      return [{ ...head(object), type: kind, value: { ...place, ...size, rectanglelabels: [label] } }];
    }
    case 'polygonlabels':
      return outerContours(maskToPolygons(mask)).map((contour) => {
        const points = pairs(contour).map(([pointX, pointY]) => [percent(pointX, width), percent(pointY, height)]);
        return { ...head(object), type: kind, value: { points, closed: true, polygonlabels: [label] } };
      });
  }
}

function head({ fromName, toName, width, height, score }: FoundObject) {
  return {
    id: randomBytes(5).toString('hex'),
    from_name: fromName,
    to_name: toName,
    original_width: width,
    original_height: height,
    image_rotation: 0 as const,
    score,
  };
}

/** Contours of parts, simplified, without holes, which turn the other way, and without specks unless there is nothing else. */
function outerContours(contours: readonly number[][]): number[][] {
  const outer = contours.filter((contour) => signedArea(contour) > 0);
  const large = outer.filter((contour) => signedArea(contour) >= smallestPart);
  return simplifyPolygons(large.length > 0 ? large : outer, polygonTolerance);
}

/** Positive for a contour that runs clockwise on the screen, in pixels. */
function signedArea(contour: readonly number[]): number {
  const points = pairs(contour);
  let sum = 0;
  let [previousX, previousY] = points.at(-1) ?? [0, 0];
  for (const [x, y] of points) {
    sum += previousX * y - x * previousY;
    [previousX, previousY] = [x, y];
  }
  return sum / 2;
}

function pairs(contour: readonly number[]): [x: number, y: number][] {
  return Array.from({ length: contour.length / 2 }, (_, index) => [
    contour[2 * index] ?? 0,
    contour[2 * index + 1] ?? 0,
  ]);
}
