import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@tessera/runtime';
import { Cluster } from './cluster.js';
import { FaultInjector } from './faults.js';
import { JobClient } from './job-client.js';
import { Ledger } from './ledger.js';
import { MemoryWatch, type MemoryGrowth } from './memory.js';
import type { Scenario, ScenarioReport } from './scenario.js';
import { WebhookReceiver, webhookSecret } from './webhook-receiver.js';

/** How long the last jobs may take once nothing is disturbed any more. */
const settleMs = 180_000;
/** How much memory may grow, as a share of what it was when everything was warm. */
const mostGrowth = 0.05;
/** Jobs from which memory is compared: before, caches fill and the garbage collector has not settled. */
const leastJobsForMemory = 5_000;
const progressMs = 10_000;
/** Jobs that are looked at again at the same time, in the end. */
const looksAtOnce = 32;

/**
 * Jobs on a cluster whose processes are killed and whose Redis is restarted, frozen and away: each accepted job has to end,
 * and in one way alone.
 */
export const jobsUnderFaults: Scenario = async (settings, report) => {
  const { seed, jobs, clients, jobsPerFault, outageMs } = settings;
  const ledger = new Ledger();
  const receiver = await WebhookReceiver.open(ledger);
  const cluster = await Cluster.start({
    gateways: 3,
    workers: 3,
    settings: {
      TESSERA_WEBHOOK_SECRETS: webhookSecret,
      TESSERA_ALLOW_PRIVATE_WEBHOOKS: 'true',
      TESSERA_WEBHOOK_RETRY_S: '1',
      TESSERA_MAX_WAITING_JOBS: '400',
    },
  });
  report(`the logs are in ${cluster.logs}`);
  const memory = new MemoryWatch([...cluster.gateways.slice(0, 1), ...cluster.workers.slice(0, 1)]);
  const faults: Record<string, number> = {};
  const random = new SeededRandom(`faults ${seed}`);
  const injector = new FaultInjector({
    cluster,
    random,
    endedJobs: () => ledger.ended,
    jobsPerFault,
    onFault: (fault) => (faults[fault] = (faults[fault] ?? 0) + 1),
  });
  const giveUp = new AbortController();
  const client = new JobClient({
    urls: cluster.urls,
    ledger,
    seed,
    webhookUrl: receiver.url,
    signal: giveUp.signal,
  });
  let serial = 0;
  let passed = false;
  const startedAt = performance.now();
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const found = ledger.violations.length === 0 ? '' : `, ${ledger.violations.length} violations`;
    report(`${seconds} s: ${ledger.accepted} of ${jobs} accepted, ${ledger.ended} ended${found}`);
  }, progressMs);
  try {
    let outage: Promise<void> | undefined;
    const ask = async (): Promise<void> => {
      while (serial < jobs && !giveUp.signal.aborted) {
        serial += 1;
        if (outageMs > 0 && serial > jobs / 2) outage ??= injector.outage(outageMs);
        await client.askAbout(serial);
      }
    };
    const asking = Promise.all(Array.from({ length: clients }, ask));
    // Clients stop when their jobs have ended. When these do not end, the time is up some minutes after the last one began.
    const ending = (async () => {
      while (serial < jobs) await delay(100);
      await outage;
      await injector.stop();
    })();
    await ending;
    const timer = setTimeout(() => {
      giveUp.abort();
    }, settleMs);
    await asking;
    clearTimeout(timer);
    const growth = memory.stop();
    await untilWebhooksCame(client.webhookJobs, receiver, settleMs);
    await lookAgain(ledger.ids, client);
    const missing = client.webhookJobs.filter((id) => receiver.statusOf(id) === undefined);
    const ownDeaths = [...cluster.gateways, ...cluster.workers].filter((service) => service.ownDeaths > 0);
    const failures = [
      ...ledger.lost.map((id) => `the job ${id} has not ended`),
      ...ledger.violations,
      ...missing.map((id) => `no webhook came about the job ${id}`),
      ...ownDeaths.map(({ name, ownDeaths: deaths }) => `${name} has ended by itself ${deaths} times`),
      ...(jobs < leastJobsForMemory ? [] : grown(growth)),
    ];
    const seconds = (performance.now() - startedAt) / 1000;
    passed = failures.length === 0;
    return {
      failures,
      figures: {
        accepted: ledger.accepted,
        ended: ledger.statuses,
        lost: ledger.lost.length,
        violations: ledger.violations.length,
        webhooks: client.webhookJobs.length,
        webhooks_repeated: receiver.repetitions,
        faults,
        seconds: Math.round(seconds),
        memory_mb: growth,
      },
    } satisfies ScenarioReport;
  } finally {
    clearInterval(progress);
    memory.stop();
    giveUp.abort();
    await injector.stop();
    receiver.close();
    await cluster.stop(!passed);
  }
};

function grown(memory: Readonly<Record<string, MemoryGrowth>>): string[] {
  return Object.entries(memory)
    .filter(([, { growth }]) => growth > mostGrowth)
    .map(([name, { early, late }]) => `the memory of ${name} grew from ${early} to ${late} MB`);
}

async function untilWebhooksCame(jobs: readonly string[], receiver: WebhookReceiver, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (jobs.some((id) => receiver.statusOf(id) === undefined) && performance.now() < deadline) await delay(200);
}

async function lookAgain(ids: readonly string[], client: JobClient): Promise<void> {
  const waiting = [...ids];
  const look = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) await client.look(id);
  };
  await Promise.all(Array.from({ length: looksAtOnce }, look));
}
