import { createHash } from 'node:crypto';
import type { PipelineManifest } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';

/** A bundle with the graphs `image_encoder`, `text_encoder` and `soft_prompt_step`. */
export type DualEncoderBundle = Bundle<PipelineManifest<'dual-encoder'>>;

/** SHA-256 of what soft prompts belong to: the text encoder and the token embedding. */
export function baseHash(bundle: DualEncoderBundle): string {
  const { files, settings } = bundle.manifest;
  return createHash('sha256')
    .update(bundle.graphHash('text_encoder'))
    .update(files[settings.token_embedding]?.sha256 ?? '')
    .digest('hex');
}
