/** Mask logits `[side, side]` of a square that the image fills from its upper left corner. */
export interface MaskLogits {
  readonly data: Float32Array;
  readonly side: number;
  /** Shares of the square's width and height that the image takes; the rest is padding. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}

/** Intersection over union of two masks of one image, in the cells of their logits; 0 for two empty ones. */
export function maskOverlap(one: MaskLogits, other: MaskLogits): number {
  const [rows, columns] = [Math.ceil(one.imageHeight * one.side), Math.ceil(one.imageWidth * one.side)];
  let both = 0;
  let either = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let cell = row * one.side; cell < row * one.side + columns; cell += 1) {
      const [isOne, isOther] = [(one.data[cell] ?? 0) > 0, (other.data[cell] ?? 0) > 0];
      if (isOne && isOther) both += 1;
      if (isOne || isOther) either += 1;
    }
  }
  return either === 0 ? 0 : both / either;
}

/** The pixels of both masks. The logits of each are those of the one that is surer that a cell is not on the object. */
export function maskIntersection<Logits extends MaskLogits>(one: MaskLogits, other: Logits): Logits {
  return { ...other, data: other.data.map((logit, cell) => Math.min(logit, one.data[cell] ?? logit)) };
}
