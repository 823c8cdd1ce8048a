import type { BinaryMask } from '@tessera/masks';
import type { MaskLogits } from '../vision/mask-decoder.js';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import { paintLogits } from './mask-upsampling.js';
import { paintRegionShape } from './region-shape.js';

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
): void {
  const painted = logits === undefined ? 0 : paintLogits(mask, logits);
  if (painted === 0 && box !== undefined && points === undefined) paintRegionShape(mask, box, exponent);
}
