import type { BinaryMask } from '@tessera/masks';
import type { MaskLogits } from '../vision/mask-logits.js';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import { paintLogits } from './mask-upsampling.js';
import { paintRegionShape } from './region-shape.js';

/** How an object came out. */
export interface PaintedObject {
  /** Whether the mask decoder did not draw it. */
  readonly isCoarse: boolean;
  /** Pixels that it has, also those that others have. */
  readonly area: number;
}

/**
 * Sets the pixels of an object. One that was not refined, or whose mask came out empty, has the usual shape of a region
 * in its box, unless its prompt has points too.
 *
 * @param exponent - of {@link paintRegionShape}
 */
export function paintObject(
  mask: BinaryMask,
  { box, points }: MaskPrompt,
  logits: MaskLogits | undefined,
  exponent: number,
): PaintedObject {
  const area = logits === undefined ? 0 : paintLogits(mask, logits);
  if (area > 0 || box === undefined || points !== undefined) return { isCoarse: false, area };
  return { isCoarse: true, area: paintRegionShape(mask, box, exponent) };
}
