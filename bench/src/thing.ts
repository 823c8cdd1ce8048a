import { decodeRle } from '@tessera/masks';
import type { CocoAnnotation, CocoPhoto } from './coco-split.js';

/** `[x0, y0, x1, y1]` in shares of the photo's longest side, so that distances are the same in both directions. */
export type ThingBox = readonly [x0: number, y0: number, x1: number, y1: number];

/** An annotated thing, as questions about its place see it. */
export interface Thing {
  readonly id: number;
  readonly box: ThingBox;
  /** Pixels of its mask in shares of the photo. */
  readonly area: number;
  /** Whether nobody overlooks it. */
  readonly isPlain: boolean;
  /** Its pixels, `[H, W]`. */
  readonly mask: { readonly height: number; readonly width: number; readonly data: Uint8Array };
}

const plainArea = 0.003;
const plainSide = 0.03;

export function thingOf(photo: CocoPhoto, { id, bbox, segmentation }: CocoAnnotation): Thing {
  const longest = Math.max(photo.width, photo.height);
  const [x, y, width, height] = bbox;
  const mask = decodeRle(segmentation);
  const area = mask.data.reduce((sum, inside) => sum + inside, 0) / (photo.width * photo.height);
  return {
    id,
    box: [x / longest, y / longest, (x + width) / longest, (y + height) / longest],
    area,
    isPlain: area >= plainArea && Math.min(width, height) / longest >= plainSide,
    mask,
  };
}

export type Axis = 'x' | 'y';

export function centreOf({ box }: Pick<Thing, 'box'>, axis: Axis): number {
  return axis === 'x' ? (box[0] + box[2]) / 2 : (box[1] + box[3]) / 2;
}

export function extentOf({ box }: Pick<Thing, 'box'>, axis: Axis): number {
  return axis === 'x' ? box[2] - box[0] : box[3] - box[1];
}

export function boxArea(thing: Pick<Thing, 'box'>): number {
  return extentOf(thing, 'x') * extentOf(thing, 'y');
}

/** How far two boxes reach into each other along an axis, in shares of the shorter one; negative when they are apart. */
export function sharedExtent(one: Pick<Thing, 'box'>, other: Pick<Thing, 'box'>, axis: Axis): number {
  const [low, high] = axis === 'x' ? ([0, 2] as const) : ([1, 3] as const);
  const shared = Math.min(one.box[high], other.box[high]) - Math.max(one.box[low], other.box[low]);
  return shared / Math.max(Math.min(extentOf(one, axis), extentOf(other, axis)), 1e-9);
}

/** The distance between two boxes' nearest points. */
export function gapBetween(one: Pick<Thing, 'box'>, other: Pick<Thing, 'box'>): number {
  const across = Math.max(0, one.box[0] - other.box[2], other.box[0] - one.box[2]);
  const down = Math.max(0, one.box[1] - other.box[3], other.box[1] - one.box[3]);
  return Math.hypot(across, down);
}

export function centreDistance(one: Pick<Thing, 'box'>, other: Pick<Thing, 'box'>): number {
  return Math.hypot(centreOf(one, 'x') - centreOf(other, 'x'), centreOf(one, 'y') - centreOf(other, 'y'));
}
