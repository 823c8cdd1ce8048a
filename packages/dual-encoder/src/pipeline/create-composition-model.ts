import { defaultImageLimits, type ImageLimits } from '@tessera/images';
import { isBundleOf, requireGraphNames, type Bundle, type InferenceRunner } from '@tessera/inference';
import { TokenTable } from '../encoders/token-table.js';
import type { CompositionModel } from './composition-model.js';
import { DualEncoderModel } from './dual-encoder-model.js';

export interface CompositionModelOptions {
  /** What an image may cost; by default the limits of `@tessera/images`. */
  readonly imageLimits?: ImageLimits;
}

/**
 * A composition model for a bundle of pipeline `dual-encoder`. The runner must have the bundle's graphs loaded.
 *
 * @throws BundleError or Error when the bundle is of another pipeline, or a file of it is not what the pipeline reads
 */
export async function createCompositionModel(
  bundle: Bundle,
  runner: InferenceRunner,
  { imageLimits = defaultImageLimits }: CompositionModelOptions = {},
): Promise<CompositionModel> {
  const { name, pipeline } = bundle.manifest;
  if (!isBundleOf(bundle, 'dual-encoder')) {
    throw new Error(`Bundle "${name}" is for the pipeline ${pipeline}, which does not classify compositions.`);
  }
  requireGraphNames(bundle, ['image_encoder', 'text_encoder', 'soft_prompt_step']);
  return new DualEncoderModel(bundle, runner, await TokenTable.load(bundle), imageLimits);
}
