import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { SegmentResponse } from '@tessera/contracts';
import { drawnPicture, encodeForm, startEmbedded } from '@tessera/tests';
import { median } from './averages.js';
import { milliseconds } from './timing.js';

/**
 * `npm run bench:latency`: starts the embedded server and times requests from outside, over HTTP, one at a time. Every
 * picture is new to the server but in the last row. With `REDIS_URL` jobs travel through that Redis. Exits 1 when a median
 * is over its budget.
 */
const warmUps = 3;
const repetitions = 15;
const query = 'the stop sign';

interface Scenario {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly newPictures: boolean;
  readonly budgetMs: number;
}

const scenarios: readonly Scenario[] = [
  { name: 'with SAM', options: {}, newPictures: true, budgetMs: 1200 },
  { name: 'refine: false', options: { refine: false }, newPictures: true, budgetMs: 250 },
  { name: 'with SAM, image sent before', options: {}, newPictures: false, budgetMs: 1200 },
];
/** Wall time of the client minus decoding, models and masks: HTTP, queue, blob store and scheduling. */
const overheadBudgetMs = 15;

const directory = await mkdtemp(join(tmpdir(), 'tessera-latency-'));
const { REDIS_URL } = process.env;
const service = await startEmbedded({
  DATA_DIR: directory,
  LOG_LEVEL: 'warn',
  ...(REDIS_URL === undefined ? {} : { REDIS_URL }),
});
try {
  let serial = 0;
  let failed = false;
  console.log('| request | median | slowest | budget | of it HTTP and queue | budget |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const scenario of scenarios) {
    const totals: number[] = [];
    const overheads: number[] = [];
    for (let repetition = -warmUps; repetition < repetitions; repetition++) {
      if (scenario.newPictures) serial += 1;
      const { totalMs, overheadMs } = await timeRequest(await drawnPicture(serial), scenario.options);
      if (repetition < 0) continue;
      totals.push(totalMs);
      overheads.push(overheadMs);
    }
    const [total, overhead] = [median(totals), median(overheads)];
    failed ||= total > scenario.budgetMs || overhead > overheadBudgetMs;
    const cells = [
      scenario.name,
      milliseconds(total),
      milliseconds(Math.max(...totals)),
      milliseconds(scenario.budgetMs),
      milliseconds(overhead),
      milliseconds(overheadBudgetMs),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  if (failed) {
    console.error('a median is over its budget');
    process.exitCode = 1;
  }
} finally {
  await service.process.stop('SIGTERM');
  await rm(directory, { recursive: true, force: true });
}

async function timeRequest(
  picture: Buffer,
  options: Scenario['options'],
): Promise<{ totalMs: number; overheadMs: number }> {
  const { body, contentType } = await encodeForm(picture, query, options);
  const startedAt = performance.now();
  const response = await fetch(`${service.url}/segment`, {
    method: 'POST',
    body,
    headers: { 'content-type': contentType },
  });
  const text = await response.text();
  const totalMs = performance.now() - startedAt;
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  const { timings_ms: timings } = JSON.parse(text) as SegmentResponse;
  const workMs = ['decode', 'language', 'vision', 'mask'].reduce((sum, stage) => sum + (timings[stage] ?? 0), 0);
  return { totalMs, overheadMs: totalMs - workMs };
}
