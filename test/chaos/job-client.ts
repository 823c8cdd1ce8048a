import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@tessera/runtime';
import type { Expectation, Ledger, SeenJob } from './ledger.js';
import { tinyImage, tinyQuery, type TinyImage } from './tiny-model.js';

const pollMs = 200;
const retryMs = 200;
/** Longer than the longest outage, so that only an answer that never comes counts as missing. */
const requestTimeoutMs = 60_000;
/** Of a job that has to start soon. */
const deadlineMs = 1_000;
/** Pause after which a client cancels its job: it may wait, run or have ended. */
const cancelAfterMs = 20;
/** Answers to a request that a client may send again. */
const retryable = [429, 503];

const plain = { allowed: ['succeeded'] } as const;

/** What clients do; the share of each is its number of mentions. */
const behaviours = [
  ...new Array<'later'>(10).fill('later'),
  ...new Array<'wait'>(6).fill('wait'),
  ...new Array<'webhook'>(2).fill('webhook'),
  'cancel',
  'deadline',
] as const;

export interface JobClientOptions {
  readonly urls: readonly string[];
  readonly ledger: Ledger;
  /** Receives webhooks. */
  readonly webhookUrl: string;
  /** What each job's client does follows from it and the job's serial. */
  readonly seed: number;
  /** The time when jobs still have to be accepted, and to end. */
  readonly signal: AbortSignal;
}

/** A client that sends requests again until they are accepted, and follows their jobs until these have ended. */
export class JobClient {
  readonly #options: JobClientOptions;
  /** Jobs about which a webhook has to come. */
  readonly webhookJobs: string[] = [];

  constructor(options: JobClientOptions) {
    this.#options = options;
  }

  /** Has the image of a serial segmented, and checks the answer. */
  async askAbout(serial: number): Promise<void> {
    const { ledger, seed, webhookUrl } = this.#options;
    const random = new SeededRandom(`${seed}-${serial}`);
    const behaviour = random.pick(behaviours);
    const refine = random.next() < 0.5;
    const image = await tinyImage(serial);
    const body = JSON.stringify({
      image: image.png.toString('base64'),
      query: tinyQuery,
      refine,
      ...(behaviour === 'webhook' ? { webhook: { url: webhookUrl } } : {}),
    });
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': `${seed}-${serial}`,
      'x-priority': random.pick(['high', 'normal', 'low']),
      ...(behaviour === 'wait' ? { prefer: 'wait=20' } : { prefer: 'respond-async' }),
      ...(behaviour === 'deadline' ? { 'x-deadline-ms': String(deadlineMs) } : {}),
    };
    const accepted = await this.#send('/segment', { method: 'POST', body, headers }, random);
    if (accepted === undefined) return;
    const { id } = accepted.body as { readonly id: string };
    ledger.accept(id, { ...expectationOf(behaviour), checkResult: (result) => wrongAnswer(result, image, refine) });
    if (behaviour === 'webhook') this.webhookJobs.push(id);
    if (behaviour === 'cancel') {
      await delay(cancelAfterMs * random.next());
      await this.#send(`/jobs/${id}`, { method: 'DELETE' }, random);
    }
    const job = await this.#follow(id, random);
    const answered = accepted.status === 200 ? JSON.stringify(accepted.body) : undefined;
    if (job !== undefined && answered !== undefined && answered !== JSON.stringify(job.result)) {
      ledger.violate(`the job ${id} has another result than the one its client was answered with`);
    }
  }

  /** Looks once more at a job. */
  async look(id: string, random = new SeededRandom(id)): Promise<SeenJob | undefined> {
    const answer = await this.#send(`/jobs/${id}`, {}, random);
    if (answer === undefined) return undefined;
    const job = answer.body as SeenJob;
    this.#options.ledger.see(job);
    return job;
  }

  /** Asks for the job until it has ended; undefined when the time is up. */
  async #follow(id: string, random: SeededRandom): Promise<SeenJob | undefined> {
    for (;;) {
      const job = await this.look(id, random);
      if (job === undefined || (job.status !== 'queued' && job.status !== 'running')) return job;
      await delay(pollMs);
    }
  }

  /** The answer that is not about trying again later; undefined when there was none in time, or a wrong one. */
  async #send(
    path: string,
    init: RequestInit,
    random: SeededRandom,
  ): Promise<{ status: number; body: unknown } | undefined> {
    const { urls, ledger, signal } = this.#options;
    while (!signal.aborted) {
      const answer = await exchange(`${random.pick(urls)}${path}`, init);
      if (answer === undefined || retryable.includes(answer.status)) {
        await delay(retryMs * (0.5 + random.next()));
        continue;
      }
      if (answer.status === 200 || answer.status === 202) return answer;
      ledger.violate(`${init.method ?? 'GET'} ${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
      return undefined;
    }
    return undefined;
  }
}

/** Undefined when the connection breaks, as it does when a gateway is killed. */
async function exchange(url: string, init: RequestInit): Promise<{ status: number; body: unknown } | undefined> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) });
    return { status: response.status, body: await response.json() };
  } catch {
    return undefined;
  }
}

function expectationOf(behaviour: (typeof behaviours)[number]): Pick<Expectation, 'allowed'> {
  if (behaviour === 'cancel') return { allowed: ['succeeded', 'cancelled'] };
  return behaviour === 'deadline' ? { allowed: ['succeeded', 'expired'] } : plain;
}

/** Why a result is not the one of the image; undefined when it is. */
function wrongAnswer(result: unknown, { id, bbox }: TinyImage, refine: boolean): string | undefined {
  const { image, results } = result as {
    readonly image: { readonly id: string };
    readonly results: readonly { readonly present: boolean; readonly bbox: readonly number[] }[];
  };
  if (image.id !== id) return 'it is about another image';
  const [only] = results;
  if (results.length !== 1 || only?.present !== true) return 'the object is missing';
  // A refined mask is drawn from a grid of sixteen cells.
  const tolerance = refine ? 1 : 0;
  const isNear = bbox.every((edge, index) => Math.abs((only.bbox[index] ?? Number.NaN) - edge) <= tolerance);
  return isNear ? undefined : `the box is ${JSON.stringify(only.bbox)}, expected ${JSON.stringify(bbox)}`;
}
