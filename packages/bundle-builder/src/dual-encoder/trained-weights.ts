import { readFile } from 'node:fs/promises';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { readSafetensors, tensorValues } from '@tessera/composition';
import { parseModel } from '../onnx/serialization.js';
import type { Model } from '../onnx/model.js';

/** `dual-encoder.json`, which the training writes beside its graphs. More fields tell how they were trained. */
const DualEncoderDescription = Type.Object({
  image_size: Type.Integer({ minimum: 1 }),
  resize: Type.Enum(['stretch', 'crop']),
  tower: Type.Record(Type.String(), Type.String(), {
    description: 'The image head’s inputs and the tower’s nodes that feed them.',
  }),
  pixels: Type.String({ description: 'The image head’s input that takes the pixels, float32 [B, 3, S, S].' }),
  prompt: Type.String(),
  context_length: Type.Integer({ minimum: 4 }),
  logit_scale: Type.Number({ exclusiveMinimum: 0 }),
  text_width: Type.Integer({ minimum: 1 }),
  embedding_width: Type.Integer({ minimum: 1 }),
});
type DualEncoderDescription = Static<typeof DualEncoderDescription>;

/** What was trained for the embedded dual encoder. */
export interface TrainedWeights {
  readonly description: DualEncoderDescription;
  readonly imageHead: Model;
  /** Bytes of the graph `text_encoder`. */
  readonly textEncoder: Uint8Array;
  /** Bytes of the graph `soft_prompt_step`. */
  readonly softPromptStep: Uint8Array;
  /** Embeddings of the start and of the end token, `[2, text_width]`. */
  readonly specialTokens: Float32Array;
}

/** The directory of the committed weights. */
export const trainedWeightsDirectory = new URL('../../weights/dual-encoder/', import.meta.url);

/** @throws Error when a file is missing or is not what the training writes */
export async function readTrainedWeights(directory = trainedWeightsDirectory): Promise<TrainedWeights> {
  const read = (name: string): Promise<Buffer> => readFile(new URL(name, directory));
  const description = Value.Parse(
    DualEncoderDescription,
    Value.Clean(DualEncoderDescription, JSON.parse((await read('dual-encoder.json')).toString())),
  );
  const tensor = readSafetensors(await read('special-tokens.safetensors')).tensors.get('special_tokens');
  if (tensor?.shape.join() !== `2,${description.text_width}`) {
    throw new Error(`special-tokens.safetensors has no tensor special_tokens [2, ${description.text_width}]`);
  }
  return {
    description,
    imageHead: parseModel(await read('image-head.onnx')),
    textEncoder: await read('text-encoder.onnx'),
    softPromptStep: await read('soft-prompt-step.onnx'),
    specialTokens: tensorValues(tensor),
  };
}
