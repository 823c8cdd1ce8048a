import type { InferenceRunner } from './inference-runner.js';

/** A runner that does all as another one does, but for its runs. */
export function withRun(runner: InferenceRunner, run: InferenceRunner['run']): InferenceRunner {
  return {
    get devices() {
      return runner.devices;
    },
    run,
    holds: (keys) => runner.holds(keys),
    keep: (key, tensor) => runner.keep(key, tensor),
    readKept: (key) => runner.readKept(key),
    close: (finishMs) => runner.close(finishMs),
  };
}
