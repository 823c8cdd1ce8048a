/** Text embeddings of candidates, one L2-normalised row each. */
export interface TextMatrix {
  /** Number of rows C. */
  readonly rows: number;
  /** Length D of a row. */
  readonly width: number;
  /** `[C, D]`; a Uint16Array holds the bits of half-precision floats. */
  readonly values: Float32Array | Uint16Array;
}
