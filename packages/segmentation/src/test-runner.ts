import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  loadBundle,
  startInferenceRunner,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
  type RunRequest,
} from '@tessera/inference';

/** Starts a real inference process with one of the repository's bundles. */
export async function startTestRunner(name: string): Promise<{ bundle: Bundle; runner: ObservedRunner }> {
  const directory = fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
  assert.ok(existsSync(directory), 'run "npm run models" first');
  const bundle = await loadBundle(directory);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const options = { bundles: [bundle], executionProviders: ['cpu'] as const, runTimeoutMs: 120_000, log };
  return { bundle, runner: new ObservedRunner(await startInferenceRunner(options)) };
}

/** A runner that records which graphs run, and can lose its kept tensors. */
export class ObservedRunner implements InferenceRunner {
  readonly runs: RunRequest[] = [];
  readonly #runner: InferenceRunner;
  /** Added to every key, so that tensors kept before it changed are not found. */
  #generation = 0;

  constructor(runner: InferenceRunner) {
    this.#runner = runner;
  }

  get devices() {
    return this.#runner.devices;
  }

  forgetAfterNextCheck = false;

  async run(request: RunRequest) {
    this.runs.push(request);
    const feeds = Object.entries(request.feeds).map(([name, feed]) => [
      name,
      'kept' in feed ? { kept: this.#key(feed.kept) } : feed,
    ]);
    const keep = Object.entries(request.keep ?? {}).map(([output, key]) => [output, this.#key(key)]);
    return this.#runner.run({
      ...request,
      feeds: Object.fromEntries(feeds) as RunRequest['feeds'],
      keep: Object.fromEntries(keep) as Record<string, string>,
    });
  }

  async holds(keys: readonly string[]): Promise<boolean> {
    const held = await this.#runner.holds(keys.map((key) => this.#key(key)));
    if (this.forgetAfterNextCheck) {
      this.#generation += 1;
      this.forgetAfterNextCheck = false;
    }
    return held;
  }

  keep(key: string, tensor: HostTensor): Promise<void> {
    return this.#runner.keep(this.#key(key), tensor);
  }

  readKept(key: string): Promise<HostTensor | undefined> {
    return this.#runner.readKept(this.#key(key));
  }

  async close(): Promise<void> {
    await this.#runner.close();
  }

  graphsSince(count: number): string[] {
    return this.runs.slice(count).map(({ graph }) => graph);
  }

  #key(key: string): string {
    return `${String(this.#generation)}/${key}`;
  }
}
