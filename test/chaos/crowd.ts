import { setTimeout as delay } from 'node:timers/promises';
import { RedisConnection } from '@tessera/runtime/redis';
import { Cluster } from './cluster.js';
import type { Scenario } from './scenario.js';
import { tinyImage, tinyQuery } from './tiny-model.js';

const maxWaiting = 100;
/** Each gateway may add an eighth of the free room before it looks at the queue again. */
const gateways = 2;
const mostWaiting = maxWaiting + Math.ceil((gateways * maxWaiting) / 8);
const requestsOfClient = 3;
const watchMs = 20;
const settleMs = 120_000;
const allowed = [200, 202, 429];

/** Many clients at once on a queue of a hundred: each gets an answer, a job or is told to come later. */
export const crowd: Scenario = async ({ crowd: clients }, report) => {
  const cluster = await Cluster.start({
    gateways,
    workers: 1,
    settings: { TESSERA_MAX_WAITING_JOBS: String(maxWaiting), TESSERA_WAIT_S: '2' },
  });
  const connection = await RedisConnection.open({
    url: cluster.redis.url,
    onError: () => undefined,
    operationTimeoutMs: 30_000,
  });
  const waitingJobs = () => connection.run((client) => client.zcard('tessera:{tessera-jobs}:prioritized'));
  let longest = 0;
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      longest = Math.max(longest, await waitingJobs());
      await delay(watchMs);
    }
  })();
  try {
    const statuses: Record<string, number> = {};
    const failures: string[] = [];
    const jobs: string[] = [];
    const ask = async (serial: number): Promise<void> => {
      const { png } = await tinyImage(serial);
      const body = JSON.stringify({ image: png.toString('base64'), query: tinyQuery, refine: false });
      // A third of them does not wait for the result.
      const headers = {
        'content-type': 'application/json',
        ...(serial % 3 === 0 ? { prefer: 'respond-async' } : {}),
      };
      const url = `${cluster.urls[serial % gateways]}/segment`;
      try {
        const response = await fetch(url, { method: 'POST', body, headers });
        const text = await response.text();
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
        if (!allowed.includes(response.status)) failures.push(`a request was answered ${response.status} ${text}`);
        if (response.status === 202) jobs.push((JSON.parse(text) as { id: string }).id);
        if (response.status !== 429) return;
        const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
        if (!isProblem || response.headers.get('retry-after') === null)
          failures.push('429 without a problem or without retry-after');
      } catch (error) {
        failures.push(`a request got no answer: ${String((error as Error).cause ?? error)}`);
      }
    };
    for (let round = 0; round < requestsOfClient; round++) {
      await Promise.all(Array.from({ length: clients }, (_, index) => ask(round * clients + index)));
      report(`round ${round + 1} of ${requestsOfClient}: ${JSON.stringify(statuses)}, at most ${longest} jobs waited`);
    }
    const unfinished = await unfinishedJobs(cluster.urls[0] ?? '', jobs);
    over.abort();
    await watching;
    failures.push(...unfinished.map((id) => `the job ${id} has not succeeded`));
    if (longest > mostWaiting) failures.push(`${longest} jobs waited, at most ${mostWaiting} may`);
    if (clients > 2 * maxWaiting && (statuses[429] ?? 0) === 0) failures.push('nobody was told to come later');
    return { failures, figures: { clients, requests: clients * requestsOfClient, statuses, most_waiting: longest } };
  } finally {
    over.abort();
    connection.close();
    await cluster.stop(false);
  }
};

/** The jobs that have not succeeded in a while. */
async function unfinishedJobs(url: string, jobs: readonly string[]): Promise<string[]> {
  const deadline = performance.now() + settleMs;
  let open = [...jobs];
  while (open.length > 0 && performance.now() < deadline) {
    const statuses = await Promise.all(open.map(async (id) => statusOf(url, id)));
    open = open.filter((_, index) => statuses[index] !== 'succeeded');
    await delay(watchMs);
  }
  return open;
}

async function statusOf(url: string, id: string): Promise<string> {
  const response = await fetch(`${url}/jobs/${id}`);
  return ((await response.json()) as { status: string }).status;
}
