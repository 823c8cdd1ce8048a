import type { SegmentImage } from '@tessera/segmentation';

/** A grey 12×8 PNG: small, of the shape of most photos, and it goes through every stage of a model. */
const greyPng =
  'iVBORw0KGgoAAAANSUhEUgAAAAwAAAAICAIAAABChommAAAAFUlEQVR42mNsaGhgIASYGIgAw1sRAMN3AZA4R7rpAAAAAElFTkSuQmCC';

let serial = 0;

/** A canary's image. Each has an id of its own, so that the model runs instead of a cached result being used. */
export function canaryImage(): SegmentImage {
  serial += 1;
  return { id: `canary-${serial}`, read: () => Promise.resolve(Buffer.from(greyPng, 'base64')) };
}
