import { parseArgs } from 'node:util';

/** How much of everything is done. Each is an option of the command, or a variable `CHAOS_…`. */
export interface ChaosSettings {
  /** Decides what clients do and which faults come; the same seed repeats a run as far as the machine allows. */
  readonly seed: number;
  /** Jobs under faults. */
  readonly jobs: number;
  /** Clients that ask at the same time. */
  readonly clients: number;
  /** Mean number of jobs that end between two faults. */
  readonly jobsPerFault: number;
  /** How long Redis is away in the middle of the jobs. */
  readonly outageMs: number;
  /** Clients that come at once to a queue of a hundred. */
  readonly crowd: number;
  /** Connections that send as slowly as they can. */
  readonly slowClients: number;
  /** Requests made up from the OpenAPI document; 0 leaves them out. */
  readonly fuzzRequests: number;
  /** Longest that one round of them may take, in seconds. */
  readonly fuzzRoundS: number;
  /** Scenarios that run; all when empty. */
  readonly only: readonly string[];
}

const full: Omit<ChaosSettings, 'seed' | 'only'> = {
  jobs: 20_000,
  clients: 128,
  jobsPerFault: 60,
  outageMs: 30_000,
  crowd: 1_000,
  slowClients: 200,
  fuzzRequests: 10_000,
  fuzzRoundS: 1_800,
};

/**
 * The full scale, with what the command line (`--jobs 3000`) and the environment (`CHAOS_JOBS=3000`) say otherwise.
 *
 * @throws Error for an option that there is not, or that is no number
 */
export function readSettings(words: readonly string[], environment: NodeJS.ProcessEnv): ChaosSettings {
  const names = [...Object.keys(full), 'seed'];
  const options = Object.fromEntries([...names, 'only'].map((name) => [flagOf(name), { type: 'string' } as const]));
  const { values } = parseArgs({ args: [...words], options, strict: true });
  const given = (name: string): string | undefined =>
    values[flagOf(name)] ?? environment[`CHAOS_${flagOf(name).replaceAll('-', '_').toUpperCase()}`];
  const numbers = names.flatMap((name): [string, number][] => {
    const text = given(name);
    if (text === undefined) return [];
    if (!/^\d+$/.test(text)) throw new Error(`--${flagOf(name)} is ${text}; it has to be a whole number.`);
    return [[name, Number(text)]];
  });
  const only = (given('only') ?? '').split(',').filter(Boolean);
  return { ...full, seed: Date.now() % 1_000_000, ...Object.fromEntries(numbers), only };
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
