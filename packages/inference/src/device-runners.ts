import { RecentValues } from '@tessera/runtime';
import type { BatchingRunner } from './batching-runner.js';
import {
  TensorNotKeptError,
  type HostTensor,
  type InferenceDevice,
  type InferenceRunner,
  type RunRequest,
  type RunResult,
} from './inference-runner.js';
import type { SideProcesses } from './side-processes.js';

/** For how many kept tensors their process is remembered. */
const rememberedKeys = 65_536;

/**
 * Spreads runs over the processes of several devices; a run goes to the one that holds the kept tensors it takes. Under load
 * the side processes of a device take runs that neither take nor keep any.
 */
export class DeviceRunners implements InferenceRunner {
  readonly #runners: readonly BatchingRunner[];
  /** Where a tensor was kept last; the process may have dropped it since. */
  readonly #holders = new RecentValues<BatchingRunner>(rememberedKeys);
  readonly #side: SideProcesses | undefined;
  #turn = 0;

  /** @param side - of the only device */
  constructor(runners: readonly BatchingRunner[], side?: SideProcesses) {
    this.#runners = runners;
    this.#side = side;
  }

  get devices(): readonly InferenceDevice[] {
    const devices = this.#runners.map(({ device }) => device);
    if (this.#side === undefined) return devices;
    const { pids: sidePids, deaths } = this.#side;
    return devices.map((device) => ({ ...device, restarts: device.restarts + deaths, sidePids }));
  }

  async run(request: RunRequest): Promise<RunResult> {
    const keys = Object.values(request.feeds).flatMap((feed) => ('kept' in feed ? [feed.kept] : []));
    const beside = keys.length === 0 ? this.#beside(request) : undefined;
    if (beside !== undefined) {
      const result = await beside.run(request);
      if (result !== undefined) return result;
    }
    // Without an await from the call on: the run is accepted at once, and runs that follow find what it keeps.
    const runner = keys.length === 0 ? this.#leastBusy() : this.#holderOf(keys);
    if (runner === undefined) {
      throw new TensorNotKeptError(`No inference process holds ${keys.map((key) => `"${key}"`).join(' and ')}`);
    }
    for (const key of Object.values(request.keep ?? {})) this.#holders.set(key, runner);
    return await runner.run(request);
  }

  async holds(keys: readonly string[]): Promise<boolean> {
    return keys.length === 0 || ((await this.#holderOf(keys)?.holds(keys)) ?? false);
  }

  async keep(key: string, tensor: HostTensor): Promise<void> {
    const runner = this.#leastBusy();
    if (runner === undefined) return;
    this.#holders.set(key, runner);
    await runner.keep(key, tensor);
  }

  async readKept(key: string): Promise<HostTensor | undefined> {
    return this.#holders.get(key)?.readKept(key);
  }

  async close(finishMs?: number): Promise<void> {
    await Promise.all([this.#side?.close(finishMs), ...this.#runners.map((runner) => runner.close(finishMs))]);
  }

  /** The side processes, if they are for a run; nothing while the device has time for it. */
  #beside(request: RunRequest): SideProcesses | undefined {
    const [runner] = this.#runners;
    if (this.#side === undefined || runner === undefined) return undefined;
    const { executionProvider, ready } = runner.device;
    // A restart may have changed it.
    if (executionProvider !== 'cpu') return undefined;
    return this.#side.isFor(request, ready && runner.pendingRuns === 0) ? this.#side : undefined;
  }

  /** The one process that may hold all of them. */
  #holderOf(keys: readonly string[]): BatchingRunner | undefined {
    const [holder, ...others] = new Set(keys.map((key) => this.#holders.get(key)));
    return others.length === 0 ? holder : undefined;
  }

  /** Of the processes that are up the one with the fewest runs; they take turns when they are equal. */
  #leastBusy(): BatchingRunner | undefined {
    this.#turn = (this.#turn + 1) % this.#runners.length;
    const inTurn = [...this.#runners.slice(this.#turn), ...this.#runners.slice(0, this.#turn)];
    const cost = ({ device, pendingRuns }: BatchingRunner) => (device.ready ? pendingRuns : Number.MAX_SAFE_INTEGER);
    const [least] = inTurn.sort((one, other) => cost(one) - cost(other));
    return least;
  }
}
