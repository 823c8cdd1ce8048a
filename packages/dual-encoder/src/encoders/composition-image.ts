/** An image to classify or to learn from. Its bytes are read only when its embedding is not remembered. */
export interface CompositionImage {
  /** Equal for equal bytes, such as `sha256:…`. */
  readonly id: string;
  read(): Promise<Uint8Array>;
}
