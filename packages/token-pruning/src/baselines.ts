import type { DecoderShape, Stage } from './decoder-shape.js';
import { firstReaching } from './first-reaching.js';
import { flopsReduction } from './flops.js';
import { checkReduction } from './schedule.js';

/** Other ways to prune, for comparison at equal FLOPs. */
export type BaselineMethod = 'fastv' | 'pyramid' | 'cls_topk' | 'random';

/**
 * Stages of a baseline for a budget.
 *
 * - `fastv` (arXiv 2403.06764): all tokens up to `fastvLayer`, then those that the last token attends to most;
 * - `pyramid` (PyramidDrop, arXiv 2410.17247): after ¼, ½ and ¾ of the layers the same share of the tokens goes on,
 *   ½ in the paper, here the share that fits the budget;
 * - `cls_topk` (as VisionZip and FasterVLM) and `random`: a selection before the first layer that never grows again.
 *
 * @param reduction - as in `planSchedule`; when the layers before the first cut leave no room for it, the stages that
 *   save most
 * @throws RangeError when the reduction is outside [0, 0.9]
 */
export function planBaseline(
  shape: DecoderShape,
  method: BaselineMethod,
  reduction: number,
  fastvLayer: number,
): Stage[] {
  checkReduction(reduction);
  const stagesAt = (place: number): Stage[] => baselineStages(shape, method, place, fastvLayer);
  const save = (stages: readonly Stage[]): number => flopsReduction(shape, stages);
  // At place 1 one token is left.
  return firstReaching(stagesAt, save, reduction, 1);
}

/** At place p the share N⁻ᵖ of the tokens survives a cut. */
function baselineStages(
  { layers, imageTokens }: DecoderShape,
  method: BaselineMethod,
  place: number,
  fastvLayer: number,
): Stage[] {
  const tokensAfter = (cuts: number): number => Math.max(1, Math.round(imageTokens ** (1 - place * cuts)));
  switch (method) {
    case 'fastv':
      return [
        { name: 'full', layers: [0, fastvLayer], imageTokens },
        { name: 'pruning', layers: [fastvLayer, layers], imageTokens: tokensAfter(1) },
      ];
    case 'pyramid':
      return [0, 1, 2, 3].map((cuts) => ({
        name: cuts === 0 ? 'full' : 'pruning',
        layers: [Math.floor((layers * cuts) / 4), Math.floor((layers * (cuts + 1)) / 4)],
        imageTokens: tokensAfter(cuts),
      }));
    case 'cls_topk':
    case 'random':
      return [{ name: 'selection', layers: [0, layers], imageTokens: tokensAfter(1) }];
  }
}
