/** What decides the cost of a decoder-only language model with image tokens in its prompt. */
export interface DecoderShape {
  readonly layers: number;
  /** Width d of a token's state. */
  readonly width: number;
  /** Width m of the gated feed-forward network between its projections. */
  readonly feedForwardWidth: number;
  /** Image tokens N of an unpruned prompt. */
  readonly imageTokens: number;
}

/** Layers `[from, to)` and the image tokens that enter each of them. */
export interface Stage {
  readonly name: StageName;
  readonly layers: readonly [from: number, to: number];
  readonly imageTokens: number;
}

export type StageName = 'clustering' | 'scattering' | 'pruning' | 'full' | 'selection';

/** Every layer with all image tokens. */
export function unprunedStages({ layers, imageTokens }: DecoderShape): Stage[] {
  return [{ name: 'full', layers: [0, layers], imageTokens }];
}

/** Image tokens that enter each layer. */
export function tokensPerLayer(stages: readonly Stage[]): number[] {
  return stages.flatMap((stage) => new Array<number>(depth(stage)).fill(stage.imageTokens));
}

/** Layers of a stage. */
export function depth({ layers: [from, to] }: Stage): number {
  return to - from;
}

/**
 * @throws RangeError unless the stages follow each other from the first layer to the last, with 1 to N tokens each
 */
export function checkStages(shape: DecoderShape, stages: readonly Stage[]): void {
  let layer = 0;
  for (const { layers, imageTokens } of stages) {
    if (layers[0] !== layer || layers[1] <= layer) throw new RangeError(`No stage leads on from layer ${layer}.`);
    if (!Number.isInteger(imageTokens) || imageTokens < 1 || imageTokens > shape.imageTokens) {
      throw new RangeError(`A stage has ${imageTokens} of ${shape.imageTokens} image tokens.`);
    }
    layer = layers[1];
  }
  if (layer !== shape.layers) throw new RangeError(`The stages end at layer ${layer} of ${shape.layers}.`);
}
