import { canaryImage } from './canary-image.js';
import type { Models } from './models.js';

/** Runs the default model on a small image: that of segmentation, or else that of composition. */
export async function runCanary({ segmentation, composition }: Models): Promise<{ model: string }> {
  if (segmentation.descriptions.length > 0) {
    const { description, pipeline } = segmentation.find(undefined);
    await pipeline.segment(canaryImage(), { queries: ['a person'], options: pipeline.cheapest });
    return { model: description.name };
  }
  const { description, pipeline } = composition.find(undefined);
  await pipeline.embedImages([canaryImage()]);
  return { model: description.name };
}
