import type { SegmentImage } from '@tessera/segmentation';

/** A grey 8×8 PNG: the smallest picture that takes the whole way through a model. */
const greyPng = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAD0lEQVQI12NowAEYhpYEAILzYAGUMxmUAAAAAElFTkSuQmCC';

let serial = 0;

/** A canary's image. Each has an id of its own, so that nothing kept of an earlier one answers in the model's place. */
export function canaryImage(): SegmentImage {
  serial += 1;
  return { id: `canary-${serial}`, read: () => Promise.resolve(Buffer.from(greyPng, 'base64')) };
}
