import type { Mask } from '@tessera/contracts';
import { decodeRle, type BinaryMask } from '@tessera/masks';

/**
 * The pixels of a mask of this service.
 *
 * @throws Error when it is not in COCO RLE
 */
export function pixelsOf(mask: Mask): BinaryMask {
  if (!('counts' in mask)) throw new Error('Only masks in COCO RLE have been foreseen here');
  const [height, width] = mask.size;
  return decodeRle(mask, { maximumPixels: height * width });
}
