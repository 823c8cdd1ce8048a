import { createHash } from 'node:crypto';
import type { PipelineManifest } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';

/** A bundle with the graphs `image_encoder`, `text_encoder` and `soft_prompt_step`. */
export type DualEncoderBundle = Bundle<PipelineManifest<'dual-encoder'>>;

/** SHA-256 of what soft prompts belong to: the text encoder and the token embedding. */
export function baseHash({ manifest }: DualEncoderBundle): string {
  const files = [manifest.graphs.text_encoder?.file ?? '', manifest.settings.token_embedding];
  const hash = createHash('sha256');
  for (const file of files) hash.update(manifest.files[file]?.sha256 ?? '');
  return hash.digest('hex');
}
