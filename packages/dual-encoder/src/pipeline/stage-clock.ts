import type { CompositionContext, CompositionStage } from './composition-model.js';

/** Times the stages of one request, reports them, and stops before each when the request was given up. */
export class StageClock {
  readonly timingsMs: Record<CompositionStage, number> = { decode: 0, vision: 0, text: 0, scoring: 0 };
  readonly #context: CompositionContext;
  #fraction = 0;

  constructor(context: CompositionContext) {
    this.#context = context;
  }

  get signal(): AbortSignal | undefined {
    return this.#context.signal;
  }

  /**
   * Runs a part of a stage and adds its time to the stage; parts that overlap both count.
   *
   * @throws the signal's reason when the request was given up
   */
  async measure<Value>(stage: CompositionStage, work: () => Promise<Value>): Promise<Value> {
    this.#context.signal?.throwIfAborted();
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.timingsMs[stage] += performance.now() - start;
    }
  }

  /** @param fraction - how much of the whole request is done; never goes back */
  report(stage: CompositionStage, fraction: number): void {
    this.#fraction = Math.max(this.#fraction, fraction);
    this.#context.onProgress?.(stage, this.#fraction);
  }
}
