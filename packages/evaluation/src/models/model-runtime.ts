import { join, resolve } from 'node:path';
import { parseConfig } from '@tessera/contracts';
import { loadBundle, startInferenceRunner, type Bundle, type InferenceRunner } from '@tessera/inference';
import { repositoryRoot } from '../data/shared-data.js';

const runTimeoutMs = 60_000;

export interface Runtime {
  readonly bundle: Bundle;
  readonly runner: InferenceRunner;
}

/** Where a bundle of `MODELS_DIR` lies, or would. */
export function modelDirectory(model: string): string {
  return join(resolve(repositoryRoot, parseConfig(process.env).MODELS_DIR), model);
}

/** Starts an inference process with the graphs of one bundle, on the processor. */
export function startRunner(bundle: Bundle): Promise<InferenceRunner> {
  const log = { info: () => {}, warn: console.error, error: console.error };
  return startInferenceRunner({ bundles: [bundle], executionProviders: ['cpu'], runTimeoutMs, log });
}

/** Loads a bundle of `MODELS_DIR` and hands it with a runner to `work`; ends the inference process afterwards. */
export async function withRuntime<Result>(model: string, work: (runtime: Runtime) => Promise<Result>): Promise<Result> {
  const bundle = await loadBundle(modelDirectory(model));
  const runner = await startRunner(bundle);
  try {
    return await work({ bundle, runner });
  } finally {
    await runner.close();
  }
}
