import { defaultImageLimits, type ImageLimits } from '@tessera/images';
import { isBundleOf, type Bundle, type InferenceRunner } from '@tessera/inference';
import { ClassDetector } from './class-detector.js';
import { Lisa } from './lisa.js';
import { Segmenter } from './segmenter.js';
import type { Pipeline } from './pipeline.js';
import { RegionReasoner } from './region-reasoner.js';

/**
 * A segmenter for a bundle, by the pipeline that its manifest names. The runner must have the bundle's graphs loaded.
 *
 * @throws BundleError or Error when a file of the bundle is missing or is not what the pipeline reads
 * @throws TesseraError `TSR_INFERENCE_FAILED` when the class texts cannot be embedded
 */
export async function createSegmenter(
  bundle: Bundle,
  runner: InferenceRunner,
  { imageLimits = defaultImageLimits }: { readonly imageLimits?: ImageLimits } = {},
): Promise<Segmenter> {
  return new Segmenter(await createPipeline(bundle, runner, imageLimits));
}

async function createPipeline(bundle: Bundle, runner: InferenceRunner, limits: ImageLimits): Promise<Pipeline> {
  if (isBundleOf(bundle, 'class-detector')) return ClassDetector.create(bundle, runner, limits);
  if (isBundleOf(bundle, 'region-reasoner')) return RegionReasoner.create(bundle, runner, limits);
  if (isBundleOf(bundle, 'lisa')) return Lisa.create(bundle, runner, limits);
  const { name, pipeline } = bundle.manifest;
  throw new Error(`Bundle "${name}" is for the pipeline ${pipeline}, which does not segment.`);
}
