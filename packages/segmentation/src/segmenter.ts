import type { PruningReport, SegmentOptions, SegmentQueryResult, TokenLayout } from '@tessera/contracts';

/** Of a request that gives none. */
export const defaultThreshold = 0.5;

/** The image of a request. Its bytes are asked for only when what is kept of earlier requests does not suffice. */
export interface SegmentImage {
  /** Equal for equal bytes, such as `sha256:…`. */
  readonly id: string;
  read(): Promise<Uint8Array>;
}

export interface SegmentContext {
  /** Ends the work before its next stage; `segment` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: SegmentStage, fraction: number) => void) | undefined;
}

export type SegmentStage = 'decode' | 'language' | 'vision' | 'mask';

export interface SegmentOutcome {
  /** Size of the image as a person sees it, in pixels. */
  readonly image: { readonly width: number; readonly height: number };
  /** One per query, in their order. */
  readonly results: SegmentQueryResult[];
  /** Of a model that has image tokens. */
  readonly pruning?: PruningReport;
  /** When token maps are asked for. */
  readonly tokenLayout?: TokenLayout;
  /** Milliseconds spent in each stage. */
  readonly timingsMs: Readonly<Record<SegmentStage, number>>;
}

/** Answers queries about images with one model bundle. */
export interface Segmenter {
  /**
   * Runs every graph once on this image, so that the first request does not pay for it.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when a graph does not run
   */
  warmUp(image: SegmentImage): Promise<void>;
  /**
   * @throws TesseraError `TSR_OPTION_UNSUPPORTED` for an option that the model does not have, an image error for bytes
   * that do not decode, `TSR_INFERENCE_FAILED`
   */
  segment(
    image: SegmentImage,
    queries: readonly string[],
    options: SegmentOptions,
    context?: SegmentContext,
  ): Promise<SegmentOutcome>;
}
