import type { Models } from './models.js';
import type { SegmentImage } from '@tessera/segmentation';

/** A grey 8×8 PNG: the smallest picture that takes the whole way through a model. */
const greyPng = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAD0lEQVQI12NowAEYhpYEAILzYAGUMxmUAAAAAElFTkSuQmCC';

let serial = 0;

/** A canary's image. Each has an id of its own, so that nothing kept of an earlier one answers in the model's place. */
export function canaryImage(): SegmentImage {
  serial += 1;
  return { id: `canary-${serial}`, read: () => Promise.resolve(Buffer.from(greyPng, 'base64')) };
}

/** Takes one small picture through a default model: of segmentation, where there is one. */
export async function runCanary({ segmentation, composition }: Models): Promise<{ model: string }> {
  if (segmentation.descriptions.length > 0) {
    const { description, pipeline } = segmentation.find(undefined);
    await pipeline.segment(canaryImage(), ['a person'], { refine: false });
    return { model: description.name };
  }
  const { description, pipeline } = composition.find(undefined);
  await pipeline.embedImages([canaryImage()]);
  return { model: description.name };
}
