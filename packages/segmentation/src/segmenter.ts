import type { PruningReport, SegmentOptions, SegmentPrompt, SegmentQueryResult, TokenLayout } from '@tessera/contracts';
import type { StageClock, StageObserver } from '@tessera/runtime';

/** The image of a request. Its bytes are asked for only when what is kept of earlier requests does not suffice. */
export interface SegmentImage {
  /** Equal for equal bytes, such as `sha256:…`. */
  readonly id: string;
  read(): Promise<Uint8Array>;
}

/** What a request asks about an image. */
export interface SegmentQuestion {
  readonly queries: readonly string[];
  /** Without queries each gets a result of its own; with queries they correct what those find. */
  readonly prompts?: readonly SegmentPrompt[] | undefined;
  readonly options?: SegmentOptions;
}

export const segmentStages = ['decode', 'language', 'vision', 'mask'] as const;
export type SegmentStage = (typeof segmentStages)[number];

/** Follows a request; its signal ends the work before the next stage, and `segment` rejects with the signal's reason. */
export type SegmentContext = StageObserver<SegmentStage>;
export type SegmentClock = StageClock<SegmentStage>;

export interface SegmentOutcome {
  /** Size of the image as a person sees it, in pixels. */
  readonly image: { readonly width: number; readonly height: number };
  /** One per query, in their order; without queries one per prompt. */
  readonly results: SegmentQueryResult[];
  /** Of a model that has image tokens, when it read a query. */
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
   * @throws TesseraError `TSR_OPTION_UNSUPPORTED` for an option that the model does not have, `TSR_VALIDATION` for a
   * prompt outside the image, an image error for bytes that do not decode, `TSR_INFERENCE_FAILED`
   */
  segment(image: SegmentImage, question: SegmentQuestion, context?: SegmentContext): Promise<SegmentOutcome>;
}
