/** What an image may cost. Every function of this package that reads image bytes takes one. */
export interface ImageLimits {
  /** Width × height of the first frame. */
  readonly maxPixels: number;
  /** Either side; a strip of millions of one-pixel rows is cheap to send and slow to read. */
  readonly maxSidePixels: number;
  /** How long reading the header may take, with the wait for a free thread. */
  readonly headerTimeoutMs: number;
  /** How long decoding and resizing may take, in whole seconds. */
  readonly decodeTimeoutSeconds: number;
}

/** The documented defaults: 40 megapixels, sides up to 65 535 (the most a JPEG can have). */
export const defaultImageLimits: ImageLimits = {
  maxPixels: 40_000_000,
  maxSidePixels: 65_535,
  headerTimeoutMs: 20_000,
  decodeTimeoutSeconds: 20,
};

/** The defaults with another size: the limits of a service that is configured in megapixels. */
export function imageLimits(maxMegapixels: number): ImageLimits {
  return { ...defaultImageLimits, maxPixels: maxMegapixels * 1_000_000 };
}
