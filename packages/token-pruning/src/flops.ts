import { depth, unprunedStages, type DecoderShape, type Stage } from './decoder-shape.js';

/** What runs beside the image tokens and is not pruned. */
export interface UnprunedWork {
  /** Text tokens that enter every layer: 0 counts image tokens alone, as the method's papers do. */
  readonly textTokens?: number;
  /** Multiply-accumulates of the vision tower and the mask decoder, for the saving of a whole request. */
  readonly otherMacs?: number;
}

/**
 * Multiply-accumulates of one layer that n tokens enter: 4nd² for the attention's projections, 2n²d for its products,
 * 3ndm for the gated feed-forward network.
 */
export function layerMacs({ width, feedForwardWidth }: DecoderShape, tokens: number): number {
  return 4 * tokens * width ** 2 + 2 * tokens ** 2 * width + 3 * tokens * width * feedForwardWidth;
}

/** Floating-point operations, two for each multiply-accumulate, of all stages. */
export function stagesFlops(
  shape: DecoderShape,
  stages: readonly Stage[],
  { textTokens = 0, otherMacs = 0 }: UnprunedWork = {},
): number {
  const macs = stages.reduce(
    (sum, stage) => sum + depth(stage) * layerMacs(shape, stage.imageTokens + textTokens),
    otherMacs,
  );
  return 2 * macs;
}

/** Share in [0, 1) of the unpruned model's operations that the stages save. Tokens count where they enter a layer. */
export function flopsReduction(shape: DecoderShape, stages: readonly Stage[], work: UnprunedWork = {}): number {
  return 1 - stagesFlops(shape, stages, work) / stagesFlops(shape, unprunedStages(shape), work);
}

/** Image tokens per layer, on average. */
export function averageImageTokens(shape: DecoderShape, stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + depth(stage) * stage.imageTokens, 0) / shape.layers;
}
