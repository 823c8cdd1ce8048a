import type { InferenceRunner, RunRequest, RunResult } from '@tessera/inference';
import type { Tracing } from '@tessera/tracing';
import { jobContext } from './job-context.js';

/** A runner whose runs are spans of their jobs' traces, and that knows for the log which job each run is for. */
export class JobRunner implements InferenceRunner {
  readonly #runner: InferenceRunner;
  readonly #tracing: Tracing;

  constructor(runner: InferenceRunner, tracing: Tracing) {
    this.#runner = runner;
    this.#tracing = tracing;
  }

  get devices(): InferenceRunner['devices'] {
    return this.#runner.devices;
  }

  run(request: RunRequest): Promise<RunResult> {
    const job = jobContext.getStore();
    if (job === undefined) return this.#runner.run(request);
    const labelled = { ...request, about: [{ ...job.labels }] };
    if (!job.tracesRuns) return this.#runner.run(labelled);
    const { bundle, graph } = request;
    const attributes = { 'tessera.bundle': bundle, 'tessera.graph': graph };
    return this.#tracing.inSpan(`run ${bundle} ${graph}`, attributes, async (span) => {
      const result = await this.#runner.run(labelled);
      const { device, runs } = result.batch ?? {};
      const provider = this.#runner.devices.find(({ id }) => id === device)?.executionProvider;
      span.set({
        'tessera.batch.size': runs,
        'tessera.device': device,
        'tessera.execution_provider': provider,
        'tessera.run_ms': result.runMs,
      });
      return result;
    });
  }

  holds(keys: readonly string[]): Promise<boolean> {
    return this.#runner.holds(keys);
  }

  keep(...kept: Parameters<InferenceRunner['keep']>): ReturnType<InferenceRunner['keep']> {
    return this.#runner.keep(...kept);
  }

  readKept(key: string): ReturnType<InferenceRunner['readKept']> {
    return this.#runner.readKept(key);
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}
