import { createHash } from 'node:crypto';

/** A job as `GET /jobs/{id}` shows it. */
export interface SeenJob {
  readonly id: string;
  readonly status: string;
  readonly finished_at?: string;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly detail?: string };
}

/** What a job's client asked for, which decides how it may end. */
export interface Expectation {
  /** Statuses that are right for it. */
  readonly allowed: readonly string[];
  /** Why a result is wrong; undefined for a right one. */
  readonly checkResult: (result: unknown) => string | undefined;
}

interface Entry extends Expectation {
  /** Its final state as it was seen first, in a form that can be compared. */
  end?: { readonly status: string; readonly digest: string };
}

/**
 * What a service has promised and what became of it. A job counts as answered once when it has one final state, which never
 * changes once it was seen, with one result.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #violations: string[] = [];
  readonly #statuses = new Map<string, number>();

  /** The service has accepted a job. */
  accept(id: string, expectation: Expectation): void {
    if (this.#entries.has(id)) this.violate(`two requests got the job ${id}`);
    else this.#entries.set(id, { ...expectation });
  }

  /** What somebody has seen of an accepted job. */
  see(job: SeenJob): void {
    const entry = this.#entries.get(job.id);
    if (entry === undefined) {
      this.violate(`nobody was promised the job ${job.id}`);
      return;
    }
    const isFinal = job.status !== 'queued' && job.status !== 'running';
    if (entry.end !== undefined) {
      const same = isFinal && entry.end.status === job.status && entry.end.digest === digestOf(job);
      if (!same) this.violate(`the job ${job.id} had ended as ${entry.end.status} and is now ${describe(job)}`);
      return;
    }
    if (!isFinal) return;
    entry.end = { status: job.status, digest: digestOf(job) };
    this.#statuses.set(job.status, (this.#statuses.get(job.status) ?? 0) + 1);
    if (!entry.allowed.includes(job.status)) {
      this.violate(`the job ${job.id} ended as ${describe(job)}, expected ${entry.allowed.join(' or ')}`);
    } else if (job.status === 'succeeded') {
      const wrong = job.result === undefined ? 'it has no result' : entry.checkResult(job.result);
      if (wrong !== undefined) this.violate(`the answer of the job ${job.id} is wrong: ${wrong}`);
    }
  }

  violate(finding: string): void {
    this.#violations.push(finding);
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get accepted(): number {
    return this.#entries.size;
  }

  get ended(): number {
    return [...this.#statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Accepted jobs without a final state. */
  get lost(): readonly string[] {
    return [...this.#entries].filter(([, { end }]) => end === undefined).map(([id]) => id);
  }

  /** How many jobs ended in each way. */
  get statuses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#statuses);
  }

  get violations(): readonly string[] {
    return this.#violations;
  }
}

function digestOf({ status, finished_at, result, error }: SeenJob): string {
  return createHash('sha256').update(JSON.stringify({ status, finished_at, result, error })).digest('hex');
}

function describe({ status, error, result }: SeenJob): string {
  const reason = error === undefined ? '' : ` (${error.code}: ${error.detail ?? ''})`;
  return `${status}${reason}${status === 'succeeded' && result === undefined ? ' without a result' : ''}`;
}
