/** Who follows a request and may give it up. */
export interface StageObserver<Stage extends string> {
  /** Ends the work before its next stage. */
  readonly signal?: AbortSignal | undefined;
  /** @param fraction - how much of the whole request is done, 0 to 1; never goes back */
  readonly onProgress?: ((stage: Stage, fraction: number) => void) | undefined;
  /** Does the work of a part of a stage, such as in a span of a trace. */
  readonly around?: (<Value>(stage: Stage, work: () => Promise<Value>) => Promise<Value>) | undefined;
}

/** Times the stages of one request, reports them, and stops before each when the request was given up. */
export class StageClock<Stage extends string> {
  /** Milliseconds spent in each stage so far. */
  readonly timingsMs: Record<Stage, number>;
  readonly #observer: StageObserver<Stage>;
  #fraction = 0;

  constructor(stages: readonly Stage[], observer: StageObserver<Stage> = {}) {
    this.timingsMs = Object.fromEntries(stages.map((stage) => [stage, 0])) as Record<Stage, number>;
    this.#observer = observer;
  }

  get signal(): AbortSignal | undefined {
    return this.#observer.signal;
  }

  /**
   * Runs a part of a stage and adds its time to the stage; parts that overlap both count.
   *
   * @throws the signal's reason when the request was given up
   */
  async measure<Value>(stage: Stage, work: () => Promise<Value>): Promise<Value> {
    this.signal?.throwIfAborted();
    const start = performance.now();
    try {
      return await (this.#observer.around?.(stage, work) ?? work());
    } finally {
      this.timingsMs[stage] += performance.now() - start;
    }
  }

  /** @param fraction - how much of the whole request is done; a smaller one than reported before counts as that */
  report(stage: Stage, fraction: number): void {
    this.#fraction = Math.max(this.#fraction, fraction);
    this.#observer.onProgress?.(stage, this.#fraction);
  }
}
