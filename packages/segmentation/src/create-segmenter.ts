import { defaultImageLimits, type ImageLimits } from '@tessera/images';
import { isBundleOf, type Bundle, type InferenceRunner } from '@tessera/inference';
import { ClassDetectorSegmenter } from './pipelines/class-detector.js';
import { RegionReasonerSegmenter } from './pipelines/region-reasoner.js';
import type { Segmenter } from './segmenter.js';

export interface SegmenterOptions {
  /** What an image may cost; the defaults of `@tessera/images` unless told otherwise. */
  readonly imageLimits?: ImageLimits;
}

/**
 * A segmenter for a bundle, by the pipeline that its manifest names. The runner must have the bundle's graphs loaded.
 *
 * @throws BundleError or Error when a file of the bundle is missing or is not what the pipeline reads
 * @throws TesseraError `TSR_INFERENCE_FAILED` when the class texts cannot be embedded
 */
export async function createSegmenter(
  bundle: Bundle,
  runner: InferenceRunner,
  { imageLimits = defaultImageLimits }: SegmenterOptions = {},
): Promise<Segmenter> {
  if (isBundleOf(bundle, 'class-detector')) return await ClassDetectorSegmenter.create(bundle, runner, imageLimits);
  if (isBundleOf(bundle, 'region-reasoner')) {
    return await RegionReasonerSegmenter.create(bundle, runner, imageLimits);
  }
  const { name, pipeline } = bundle.manifest;
  throw new Error(`Bundle "${name}" is for the pipeline ${pipeline}, which does not segment.`);
}
