import { canaryImage } from './canary-image.js';
import type { Models } from './models.js';

/** Takes one small picture through a default model: of segmentation, where there is one. */
export async function runCanary({ segmentation, composition }: Models): Promise<{ model: string }> {
  if (segmentation.descriptions.length > 0) {
    const { description, pipeline } = segmentation.find(undefined);
    await pipeline.segment(canaryImage(), { queries: ['a person'], options: { refine: false } });
    return { model: description.name };
  }
  const { description, pipeline } = composition.find(undefined);
  await pipeline.embedImages([canaryImage()]);
  return { model: description.name };
}
