import { withRun, type InferenceRunner } from '@tessera/inference';
import type { Tracing } from '@tessera/tracing';
import { jobContext } from './job-context.js';

/** A runner whose runs are spans of their jobs' traces, and that knows for the log which job each run is for. */
export function jobRunner(runner: InferenceRunner, tracing: Tracing): InferenceRunner {
  return withRun(runner, (request) => {
    const job = jobContext.getStore();
    if (job === undefined) return runner.run(request);
    const labelled = { ...request, about: [{ ...job.labels }] };
    if (!job.tracesRuns) return runner.run(labelled);
    const { bundle, graph } = request;
    const attributes = { 'tessera.bundle': bundle, 'tessera.graph': graph };
    return tracing.inSpan(`run ${bundle} ${graph}`, attributes, async (span) => {
      const result = await runner.run(labelled);
      const { device, runs } = result.batch ?? {};
      const provider = runner.devices.find(({ id }) => id === device)?.executionProvider;
      span.set({
        'tessera.batch.size': runs,
        'tessera.device': device,
        'tessera.execution_provider': provider,
        'tessera.run_ms': result.runMs,
      });
      return result;
    });
  });
}
