import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from './cluster.js';
import type { SeenJob } from './ledger.js';
import type { Scenario } from './scenario.js';
import { poisonImage, tinyImage, tinyQuery } from './tiny-model.js';

const poisonous = 2;
const healthy = 40;
const inferenceTimeoutS = 2;
/** Attempts that a job has; each ends one inference process. */
const attempts = 3;
/** Six starts of inference processes, on a machine that is busy with much else. */
const settleMs = 600_000;
const pollMs = 100;

/**
 * Images on which the inference process never ends among others: they end as a clear error after a few attempts, the
 * others are answered, and the service is ready afterwards.
 */
export const poison: Scenario = async (_settings, report) => {
  const cluster = await Cluster.start({
    gateways: 1,
    workers: 1,
    settings: { TESSERA_INFERENCE_TIMEOUT_S: String(inferenceTimeoutS) },
  });
  const [url = ''] = cluster.urls;
  try {
    const images = await Promise.all([
      ...Array.from({ length: healthy / 2 }, async (_, serial) => ({
        isPoison: false,
        png: (await tinyImage(serial)).png,
      })),
      ...Array.from({ length: poisonous }, async (_, serial) => ({ isPoison: true, png: await poisonImage(serial) })),
      ...Array.from({ length: healthy / 2 }, async (_, serial) => ({
        isPoison: false,
        png: (await tinyImage(healthy + serial)).png,
      })),
    ]);
    const failures: string[] = [];
    const jobs = await Promise.all(images.map(async ({ isPoison, png }) => ({ isPoison, id: await queue(url, png) })));
    report(`${healthy} images and ${poisonous} that are poisonous wait`);
    const ends = await Promise.all(jobs.map(async ({ isPoison, id }) => ({ isPoison, job: await endOf(url, id) })));
    for (const { isPoison, job } of ends) {
      const outcome = `${job.status} ${job.error?.code ?? ''}`.trim();
      const expected = isPoison ? 'failed TSR_INFERENCE_FAILED' : 'succeeded';
      if (outcome !== expected) failures.push(`the job ${job.id} is ${outcome}, expected ${expected}`);
    }
    const killed = await inferenceDeaths(cluster.logs);
    if (killed !== poisonous * attempts) {
      failures.push(`${killed} inference processes were ended, expected ${poisonous * attempts}`);
    }
    // Nothing is left that would be tried again.
    await delay(2_000 * inferenceTimeoutS);
    if ((await inferenceDeaths(cluster.logs)) > killed) failures.push('a poisonous image is tried again');
    const again = await endOf(url, await queue(url, (await tinyImage(2 * healthy)).png));
    if (again.status !== 'succeeded') failures.push(`afterwards a job is ${again.status}`);
    const ready = await fetch(`${url}/readyz`);
    if (ready.status !== 200) failures.push(`afterwards /readyz answers ${ready.status}`);
    return { failures, figures: { poisonous, healthy, inference_processes_ended: killed } };
  } finally {
    await cluster.stop(false);
  }
};

async function queue(url: string, png: Buffer): Promise<string> {
  const body = JSON.stringify({ image: png.toString('base64'), query: tinyQuery, refine: false });
  const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
  const response = await fetch(`${url}/segment`, { method: 'POST', body, headers });
  return ((await response.json()) as { id: string }).id;
}

async function endOf(url: string, id: string): Promise<SeenJob> {
  const deadline = performance.now() + settleMs;
  for (;;) {
    const job = (await (await fetch(`${url}/jobs/${id}`)).json()) as SeenJob;
    const isOpen = job.status === 'queued' || job.status === 'running';
    if (!isOpen || performance.now() > deadline) return job;
    await delay(pollMs);
  }
}

/** How often the worker has had to replace its inference process. */
async function inferenceDeaths(logs: string): Promise<number> {
  const log = await readFile(join(logs, 'worker-0.log'), 'utf8');
  return log.split('\n').filter((line) => line.includes('inference process ended; starting another')).length;
}
