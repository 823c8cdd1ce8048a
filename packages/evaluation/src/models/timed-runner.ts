import { withRun, type InferenceRunner } from '@tessera/inference';

/** A runner that adds the milliseconds of each run of one graph to `times`. */
export function timedRunner(runner: InferenceRunner, graph: string, times: number[]): InferenceRunner {
  return withRun(runner, async (request) => {
    const result = await runner.run(request);
    if (request.graph === graph) times.push(result.runMs);
    return result;
  });
}
