import { viewOf } from './view-of.js';

/** Files have a few dozen; millions of them would hold the event loop. */
const MAX_CHUNKS = 1000;

/** The first {@link MAX_CHUNKS} chunks of a PNG before its pixels, by their names (PNG specification §5.3); of two with one name the first. */
export function pngChunksBeforePixels(bytes: Uint8Array): ReadonlyMap<string, DataView> {
  const view = viewOf(bytes);
  const chunks = new Map<string, DataView>();
  for (let count = 0, offset = 8; count < MAX_CHUNKS && offset + 8 <= bytes.length; count++) {
    const sizeBytes = view.getUint32(offset);
    const data = offset + 8;
    const name = Buffer.from(bytes.subarray(offset + 4, data)).toString('latin1');
    if (name === 'IDAT' || data + sizeBytes > bytes.length) break;
    if (!chunks.has(name)) chunks.set(name, new DataView(bytes.buffer, bytes.byteOffset + data, sizeBytes));
    offset = data + sizeBytes + 4;
  }
  return chunks;
}

/** gAMA of sRGB's approximation, 1 / 2.2, in units of 1 / 100 000. */
const SRGB_GAMMA = 45_455;

/**
 * What to raise a PNG's samples (0 to 1) to for sRGB, by its gAMA chunk; undefined when they are sRGB already or another
 * chunk (cICP, iCCP, sRGB) overrides it (PNG specification §11.3.2).
 */
export function pngGammaExponent(bytes: Uint8Array): number | undefined {
  const chunks = pngChunksBeforePixels(bytes);
  const chunk = chunks.get('gAMA');
  const gamma = chunk?.byteLength === 4 ? chunk.getUint32(0) : 0;
  const isIgnored = gamma === 0 || ['cICP', 'iCCP', 'sRGB'].some((name) => chunks.has(name));
  const exponent = SRGB_GAMMA / gamma;
  // As in libpng, a difference of less than 5 % is rounding.
  return isIgnored || Math.abs(exponent - 1) < 0.05 ? undefined : exponent;
}
