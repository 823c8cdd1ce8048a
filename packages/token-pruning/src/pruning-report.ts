import type { PruningMode, PruningReport } from '@tessera/contracts';
import { roundTo } from '@tessera/runtime';
import { checkStages, type DecoderShape, type Stage } from './decoder-shape.js';
import { averageImageTokens, flopsReduction } from './flops.js';

/**
 * The pruning report of a response; `flops_reduction` counts image tokens alone.
 *
 * @throws RangeError when the stages do not fit the shape
 */
export function pruningReport(mode: PruningMode, shape: DecoderShape, stages: readonly Stage[]): PruningReport {
  checkStages(shape, stages);
  return {
    mode,
    stages: stages.map(({ name, layers, imageTokens }) => ({ name, layers: [...layers], image_tokens: imageTokens })),
    average_image_tokens: roundTo(averageImageTokens(shape, stages), 1),
    image_tokens: shape.imageTokens,
    flops_reduction: roundTo(flopsReduction(shape, stages), 4),
  };
}
