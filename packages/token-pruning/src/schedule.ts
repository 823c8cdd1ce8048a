import type { DecoderShape, Stage } from './decoder-shape.js';
import { firstReaching } from './first-reaching.js';
import { flopsReduction } from './flops.js';

/**
 * Clustering, scattering, pruning (LVLM_CSP, arXiv 2504.10854): the first layers reason coarsely with selected image
 * tokens, all come back for some layers, then those that the query attends to most go on.
 */
export interface Schedule {
  /** a: layers `[0, a)` see the selected tokens. */
  readonly clusterLayers: number;
  /** b: layers `[a, a + b)` see all tokens, the rest the kept ones. */
  readonly scatterLayers: number;
  /** Nc. */
  readonly selectedTokens: number;
  /** Np. */
  readonly keptTokens: number;
}

/** The stages of a schedule; those without layers are left out. */
export function scheduleStages(shape: DecoderShape, schedule: Schedule): Stage[] {
  const { clusterLayers, scatterLayers, selectedTokens, keptTokens } = schedule;
  const scattered = clusterLayers + scatterLayers;
  const stages: Stage[] = [
    { name: 'clustering', layers: [0, clusterLayers], imageTokens: selectedTokens },
    { name: 'scattering', layers: [clusterLayers, scattered], imageTokens: shape.imageTokens },
    { name: 'pruning', layers: [scattered, shape.layers], imageTokens: keptTokens },
  ];
  return stages.filter(({ layers: [from, to] }) => to > from);
}

/**
 * The schedule for a budget: the layers of the shipped schedule, with token counts on the geometric path from all
 * tokens through the shipped counts, so that the shipped reduction gives the shipped schedule and a larger one never
 * more tokens anywhere.
 *
 * @param shipped - the schedule that the bundle's validation chose; it keeps or selects fewer tokens than there are
 * @param reduction - least share of image-token FLOPs to save, to a tenth of a percent; when the scattering layers
 *   leave no room for it, the schedule that saves most
 * @throws RangeError when the reduction is outside [0, 0.9] or the shipped schedule saves nothing
 */
export function planSchedule(shape: DecoderShape, shipped: Schedule, reduction: number): Schedule {
  checkReduction(reduction);
  const { imageTokens } = shape;
  const { selectedTokens, keptTokens } = shipped;
  const falls = [imageTokens / selectedTokens, imageTokens / keptTokens].filter((ratio) => ratio > 1);
  if (falls.length === 0) throw new RangeError('The shipped schedule prunes nothing, so no budget can follow it.');
  // Where even the number of tokens that falls slowest rounds to one.
  const end = Math.log(2 * imageTokens) / Math.log(Math.min(...falls));
  const tokensAt = (shippedTokens: number, place: number): number =>
    Math.max(1, Math.round(imageTokens * (shippedTokens / imageTokens) ** place));
  const scheduleAt = (place: number): Schedule => ({
    ...shipped,
    selectedTokens: tokensAt(selectedTokens, place),
    keptTokens: tokensAt(keptTokens, place),
  });
  const save = (schedule: Schedule): number => flopsReduction(shape, scheduleStages(shape, schedule));
  return firstReaching(scheduleAt, save, reduction, end);
}

/** @throws RangeError */
export function checkReduction(reduction: number): void {
  if (!(reduction >= 0 && reduction <= 0.9)) {
    throw new RangeError(`A reduction is between 0 and 0.9, not ${reduction}.`);
  }
}
