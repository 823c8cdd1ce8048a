import type { PipelineManifest } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';

/** A bundle with the graphs `image_encoder`, `text_encoder` and `soft_prompt_step`. */
export type DualEncoderBundle = Bundle<PipelineManifest<'dual-encoder'>>;
