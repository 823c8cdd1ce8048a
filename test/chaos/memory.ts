import { roundTo } from '@tessera/runtime';
import type { RestartedService } from './process-family.js';

const sampleMs = 500;
/** Shares of the samples that are compared: once everything is warm, and at the end. */
const early = { from: 0.3, to: 0.45 } as const;
const late = { from: 0.85, to: 1 } as const;

/** Resident memory of a process at two times, in megabytes. */
export interface MemoryGrowth {
  readonly early: number;
  readonly late: number;
  /** Of the late beyond the early one, as a share of it. */
  readonly growth: number;
}

/** Follows the resident memory of services that are not restarted, and of their children. */
export class MemoryWatch {
  readonly #services: readonly RestartedService[];
  readonly #samples = new Map<string, number[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(services: readonly RestartedService[]) {
    this.#services = services;
    this.#timer = setInterval(() => {
      this.#sample();
    }, sampleMs);
  }

  /** Ends watching. @returns by the name of the process the medians of its memory early and late in the watch */
  stop(): Record<string, MemoryGrowth> {
    clearInterval(this.#timer);
    const growth = [...this.#samples].map(([name, samples]): [string, MemoryGrowth] => {
      const between = ({ from, to }: typeof early | typeof late) =>
        median(samples.slice(Math.floor(from * samples.length), Math.ceil(to * samples.length)));
      const [before, after] = [between(early), between(late)];
      return [name, { early: roundTo(before, 1), late: roundTo(after, 1), growth: roundTo(after / before - 1, 3) }];
    });
    return Object.fromEntries(growth);
  }

  #sample(): void {
    for (const service of this.#services) {
      const resident = service.residentMegabytes();
      if (resident === undefined) continue;
      this.#add(service.name, resident.own);
      if (resident.children > 0) this.#add(`${service.name}, inference`, resident.children);
    }
  }

  #add(name: string, megabytes: number): void {
    const samples = this.#samples.get(name) ?? [];
    samples.push(megabytes);
    this.#samples.set(name, samples);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
