/** Mask logits `[side, side]` of a square that the image fills from its upper left corner. */
export interface MaskLogits {
  readonly data: Float32Array;
  readonly side: number;
  /** Shares of the square's width and height that the image takes; the rest is padding. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}
