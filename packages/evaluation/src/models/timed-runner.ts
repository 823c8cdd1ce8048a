import type { InferenceRunner } from '@tessera/inference';

/** A runner that adds the milliseconds of each run of one graph to `times`. */
export function timedRunner(runner: InferenceRunner, graph: string, times: number[]): InferenceRunner {
  return {
    devices: runner.devices,
    async run(request) {
      const result = await runner.run(request);
      if (request.graph === graph) times.push(result.runMs);
      return result;
    },
    holds: (keys) => runner.holds(keys),
    keep: (key, tensor) => runner.keep(key, tensor),
    readKept: (key) => runner.readKept(key),
    close: () => runner.close(),
  };
}
