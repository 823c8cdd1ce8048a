import { defaultTolerancePixels, TesseraError, type Mask, type SegmentOptions } from '@tessera/contracts';
import {
  encodeRle,
  encodeUncompressedRle,
  maskToPolygons,
  PolygonLimitError,
  simplifyPolygons,
  type BinaryMask,
} from '@tessera/masks';
import { encodePng } from '@tessera/masks/png';

/** How masks are written. */
export type MaskOutput = Pick<NonNullable<SegmentOptions['output']>, 'format' | 'tolerance'>;

/**
 * A mask in the format of the response.
 *
 * @throws TesseraError `TSR_OPTION_UNSUPPORTED` when the outline is too intricate for polygons
 */
export function formatMask(mask: BinaryMask, { format = 'rle', tolerance = defaultTolerancePixels }: MaskOutput): Mask {
  const size: [number, number] = [mask.height, mask.width];
  switch (format) {
    case 'rle':
      return encodeRle(mask);
    case 'rle_uncompressed':
      return encodeUncompressedRle(mask);
    case 'polygon':
      return { size, polygons: simplifyPolygons(polygonsOf(mask), tolerance) };
    case 'png':
      return { size, png: `data:image/png;base64,${encodePng(mask).toString('base64')}` };
  }
}

function polygonsOf(mask: BinaryMask): number[][] {
  try {
    return maskToPolygons(mask);
  } catch (cause) {
    if (!(cause instanceof PolygonLimitError)) throw cause;
    throw new TesseraError(
      'TSR_OPTION_UNSUPPORTED',
      'The mask’s outline has too many corners for the format polygon; ask for rle or png.',
      { cause },
    );
  }
}
