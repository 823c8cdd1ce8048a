import type { BundleManifest } from '@tessera/contracts';
import { defaultImageLimits, type ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { ClassDetectorSegmenter } from './class-detector-segmenter.js';
import type { Segmenter } from './segmenter.js';

export interface SegmenterOptions {
  /** What an image may cost; the defaults of `@tessera/images` unless told otherwise. */
  readonly imageLimits?: ImageLimits;
}

type SegmenterFactory = (bundle: Bundle, runner: InferenceRunner, imageLimits: ImageLimits) => Promise<Segmenter>;

const pipelines: Readonly<Record<BundleManifest['pipeline'], SegmenterFactory>> = {
  'class-detector': (bundle, runner, imageLimits) => ClassDetectorSegmenter.create(bundle, runner, imageLimits),
};

/**
 * A segmenter for a bundle, by the pipeline that its manifest names. The runner must have the bundle's graphs loaded.
 *
 * @throws BundleError or Error when a file of the bundle is missing or is not what the pipeline reads
 * @throws TesseraError `TSR_INFERENCE_FAILED` when the class texts cannot be embedded
 */
export function createSegmenter(
  bundle: Bundle,
  runner: InferenceRunner,
  { imageLimits = defaultImageLimits }: SegmenterOptions = {},
): Promise<Segmenter> {
  return pipelines[bundle.manifest.pipeline](bundle, runner, imageLimits);
}
