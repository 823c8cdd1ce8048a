import type { SegmentContext, SegmentStage } from './segmenter.js';

/** Times the stages of one request, reports them, and stops between them when the request was given up. */
export class Stopwatch {
  readonly timingsMs: Record<SegmentStage, number> = { decode: 0, language: 0, vision: 0, mask: 0 };
  readonly #context: SegmentContext;
  #fraction = 0;

  constructor(context: SegmentContext) {
    this.#context = context;
  }

  /**
   * Runs a part of a stage and adds its time to the stage.
   *
   * @param fraction - how much of the whole request is done before it; a stage that comes again does not set it back
   * @throws the signal's reason when the request was given up
   */
  async measure<Value>(stage: SegmentStage, fraction: number, work: () => Promise<Value>): Promise<Value> {
    this.#context.signal?.throwIfAborted();
    this.#fraction = Math.max(this.#fraction, fraction);
    this.#context.onProgress?.(stage, this.#fraction);
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.timingsMs[stage] += performance.now() - start;
    }
  }
}
