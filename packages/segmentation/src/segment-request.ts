import type { PruningReport, SegmentOptions, SegmentPrompt, SegmentQueryResult, TokenLayout } from '@tessera/contracts';
import type { SharedOutputs } from '@tessera/inference';
import type { StageClock, StageObserver } from '@tessera/runtime';

/** The image of a request. Its bytes are read only when nothing kept of earlier requests replaces them. */
export interface SegmentImage {
  /** Equal for equal bytes, such as `sha256:…`. */
  readonly id: string;
  read(): Promise<Uint8Array>;
}

/** A request about an image. */
export interface SegmentQuestion {
  readonly queries: readonly string[];
  /** Without queries each gets a result of its own; with queries they correct the answers. */
  readonly prompts?: readonly SegmentPrompt[] | undefined;
  readonly options?: SegmentOptions;
}

export const segmentStages = ['decode', 'language', 'vision', 'mask'] as const;
export type SegmentStage = (typeof segmentStages)[number];

/** Follows a request; its signal ends the work before the next stage, and `segment` rejects with the signal's reason. */
export interface SegmentContext extends StageObserver<SegmentStage> {
  /** What workers share of the images they have seen; nothing unless given. */
  readonly shared?: SharedOutputs | undefined;
}
export type SegmentClock = StageClock<SegmentStage>;

export interface SegmentOutcome {
  /** Size of the image as a person sees it, in pixels. */
  readonly image: { readonly width: number; readonly height: number };
  /** One per query, in their order; without queries one per prompt. */
  readonly results: SegmentQueryResult[];
  /** Of a model with image tokens, when it read a query. */
  readonly pruning?: PruningReport;
  /** With token maps. */
  readonly tokenLayout?: TokenLayout;
  /** Whether the image's embedding was kept of an earlier request, or found as another worker's; undefined when none was needed. */
  readonly embedding?: 'kept' | 'shared' | 'computed' | undefined;
  /** Milliseconds spent in each stage. */
  readonly timingsMs: Readonly<Record<SegmentStage, number>>;
}
