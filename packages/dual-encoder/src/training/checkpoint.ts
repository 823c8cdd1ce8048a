import { readSafetensors, SafetensorsError, tensorValues, writeSafetensors } from '@tessera/composition';
import { TrainingEpoch, VocabularyMetrics } from '@tessera/contracts';
import { concatenate, rowsOf } from '@tessera/inference';
import Type from 'typebox';
import { Value } from 'typebox/value';
import type { TrainingState } from './training-state.js';

/** What a training needs to go on where it was. */
export interface Checkpoint {
  /** Image embeddings `[D]` of the examples that take part. */
  readonly features: readonly Float32Array[];
  readonly state: TrainingState;
}

const CheckpointHeader = Type.Object({
  phase: Type.Enum(['choice', 'final']),
  epoch: Type.Integer({ minimum: 0 }),
  best: Type.Optional(
    Type.Object({
      epoch: Type.Integer({ minimum: 1 }),
      score: Type.Number(),
      metrics: Type.Optional(VocabularyMetrics),
    }),
  ),
  history: Type.Array(TrainingEpoch),
});

/**
 * A checkpoint as one safetensors file.
 *
 * @param task - fingerprint of everything that the training depends on
 */
export function serializeCheckpoint({ features, state }: Checkpoint, task: string): Uint8Array {
  const { theta, firstMoment, secondMoment, phase, epoch, history, best } = state;
  const header = {
    phase,
    epoch,
    history,
    best: best && { epoch: best.epoch, score: best.score, metrics: best.metrics },
  };
  const tensors = {
    features: concatenate(features),
    theta,
    firstMoment,
    secondMoment,
    ...(best === undefined ? {} : { best: best.theta }),
  };
  return writeSafetensors(
    new Map(Object.entries(tensors).map(([name, values]) => [name, { shape: [values.length], values }])),
    new Map([
      ['task', task],
      ['state', JSON.stringify(header)],
    ]),
  );
}

/**
 * @param lengths - how many examples there are, and how many values an embedding and the learned rows have
 * @returns nothing for bytes that are no checkpoint of this task: the training then starts anew
 */
export function parseCheckpoint(
  bytes: Uint8Array,
  task: string,
  lengths: { readonly examples: number; readonly features: number; readonly theta: number },
): Checkpoint | undefined {
  try {
    const { metadata, tensors } = readSafetensors(bytes);
    if (metadata.get('task') !== task) return undefined;
    const header: unknown = JSON.parse(metadata.get('state') ?? '');
    if (!Value.Check(CheckpointHeader, header)) return undefined;
    const values = (name: string, length: number): Float32Array => {
      const tensor = tensors.get(name);
      const found = tensor === undefined ? new Float32Array() : tensorValues(tensor);
      if (found.length !== length) throw new SafetensorsError(`${name} has ${found.length} values.`);
      return found;
    };
    const { best } = header;
    const features = values('features', lengths.examples * lengths.features);
    return {
      features: rowsOf(features, lengths.examples),
      state: {
        phase: header.phase,
        epoch: header.epoch,
        history: header.history,
        theta: values('theta', lengths.theta),
        firstMoment: values('firstMoment', lengths.theta),
        secondMoment: values('secondMoment', lengths.theta),
        best: best === undefined ? undefined : { ...best, metrics: best.metrics, theta: values('best', lengths.theta) },
      },
    };
  } catch (error) {
    if (error instanceof SafetensorsError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
