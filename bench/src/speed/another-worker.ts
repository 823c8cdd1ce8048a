/**
 * `npm run bench:cache`: a gateway, two workers and a Redis of their own, as processes. A new photo is asked about, then twice
 * more; the workers' metrics say which of the further questions found the image's embedding as another worker's and which
 * found it kept. Exits 1 when the answers that found another worker's were not {@link leastRatio} times as fast as the
 * first ones. `-- --rounds N` changes the number of photos (15).
 */
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import type { SegmentResponse } from '@tessera/contracts';
import { markdownRows, median, medianInterval, milliseconds, repositoryRoot } from '@tessera/evaluation';
import type { Program } from '@tessera/runtime/process';
import { RedisServer } from '@tessera/runtime/testing';
import { latencyRows, loadSubjects, requestOf, type Subject } from './latency-rows.js';
import { post, readyPattern, startServiceOf } from './service.js';

const leastRatio = 4;
const warmUps = 2;
const quietMs = 500;
const storedWithinMs = 10_000;
const sources = ['computed', 'shared', 'kept'] as const;
type Source = (typeof sources)[number];

const rowNames: Readonly<Record<Source, string>> = {
  computed: 'new photo',
  shared: 'a further question, about what another worker saw',
  kept: 'a further question, about what this worker saw',
};

/** Milliseconds of one answer. */
interface Timing {
  readonly totalMs: number;
  readonly visionMs: number;
}

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const rounds = Number(flags.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds is a whole number from 1.');

const programs: Program[] = [];
const redis = await RedisServer.start();
try {
  const environment = { ...process.env, REDIS_URL: redis.url };
  const gateway = await start('gateway', { ...environment, PORT: '0' }, readyPattern);
  const workers: string[] = [];
  for (let worker = 0; worker < 2; worker += 1) {
    const metrics = { TESSERA_METRICS_PORT: '0' };
    const port = await start('worker', { ...environment, ...metrics }, /"port":(\d+),"msg":"metrics are served"/);
    workers.push(`http://127.0.0.1:${port}/metrics`);
  }
  await measure(gateway, workers);
} finally {
  await Promise.all(programs.map((program) => program.stop()));
  await redis.remove();
}

/** What the pattern finds in the output of the started service. */
async function start(service: 'gateway' | 'worker', environment: NodeJS.ProcessEnv, ready: RegExp): Promise<string> {
  const program = await startServiceOf(repositoryRoot, service, environment, ready);
  programs.push(program);
  return program.found;
}

async function measure(url: string, workers: readonly string[]): Promise<void> {
  const subjects = await loadSubjects();
  const timings: Record<Source, Timing[]> = { computed: [], shared: [], kept: [] };
  const ratios: number[] = [];
  for (let round = -warmUps; round < rounds; round += 1) {
    const subject = subjects[(round + warmUps) % subjects.length];
    if (subject === undefined) throw new Error('There is no photo to ask about.');
    const first = await answer(url, workers, subject, round);
    await untilQuiet(workers);
    const further = [await answer(url, workers, subject, round, 1), await answer(url, workers, subject, round, 2)];
    if (round < 0) continue;
    for (const { source, timing } of [first, ...further]) if (source !== undefined) timings[source].push(timing);
    const shared = further.find(({ source }) => source === 'shared');
    if (first.source === 'computed' && shared !== undefined) {
      ratios.push(first.timing.totalMs / shared.timing.totalMs);
    }
  }
  const table = sources.map((source) => {
    const totals = timings[source].map(({ totalMs }) => totalMs);
    const vision = timings[source].map(({ visionMs }) => visionMs);
    const figures =
      totals.length === 0 ? ['–', '–', '–'] : [median(totals), Math.max(...totals), median(vision)].map(milliseconds);
    return [rowNames[source], String(totals.length), ...figures];
  });
  console.log(markdownRows(['request', 'answers', 'median', 'slowest', 'of it vision'], table));
  if (ratios.length === 0) {
    console.error('No further question was answered by another worker: nothing is measured.');
    process.exitCode = 1;
    return;
  }
  const ratio = medianInterval(ratios);
  console.log(
    `\nWhat another worker saw is answered ${ratio.value.toFixed(1)} times as fast as a new photo ` +
      `(95 % interval [${ratio.low.toFixed(1)}, ${ratio.high.toFixed(1)}], ${ratios.length} pairs); ${leastRatio} is the least.`,
  );
  if (ratio.value < leastRatio) process.exitCode = 1;
}

/** One of a subject's questions; the source is that of the image's embedding, nothing when no mask was needed. */
async function answer(
  url: string,
  workers: readonly string[],
  subject: Subject,
  round: number,
  question = 0,
): Promise<{ readonly source: Source | undefined; readonly timing: Timing }> {
  const [row] = latencyRows;
  if (row === undefined) throw new Error('There is no row for a new photo.');
  const asked = { ...subject, queries: subject.queries.slice(question) };
  const form = await requestOf(row, asked, `another worker, round ${round}`);
  const before = await embeddingSources(workers);
  const startedAt = performance.now();
  const { timings_ms: stages } = await post<Pick<SegmentResponse, 'timings_ms'>>(url + row.path, form);
  const timing = { totalMs: performance.now() - startedAt, visionMs: stages.vision ?? 0 };
  const after = await embeddingSources(workers);
  return { source: sources.find((source) => after[source] > before[source]), timing };
}

async function embeddingSources(workers: readonly string[]): Promise<Record<Source, number>> {
  const text = await scrape(workers);
  const count = (source: Source): number => sum(text, `embeddings_total{model="[^"]+",source="${source}"}`);
  return { computed: count('computed'), shared: count('shared'), kept: count('kept') };
}

/** Until the workers have stored something for each other, and nothing more for a while. */
async function untilQuiet(workers: readonly string[]): Promise<void> {
  const deadline = performance.now() + storedWithinMs;
  let [stored, since] = [-1, performance.now()];
  while (performance.now() < deadline && performance.now() - since < quietMs) {
    const now = sum(await scrape(workers), 'embedding_cache_writes_total{outcome="stored"}');
    if (now !== stored) [stored, since] = [now, performance.now()];
    await delay(50);
  }
}

async function scrape(workers: readonly string[]): Promise<string> {
  const texts = await Promise.all(workers.map(async (url) => (await fetch(url)).text()));
  return texts.join('\n');
}

/** The sum of a counter of the workers. */
function sum(text: string, series: string): number {
  const values = text.matchAll(new RegExp(`^tessera_worker_${series} (\\d+)$`, 'gm'));
  return Array.from(values, ([, value]) => Number(value)).reduce((total, value) => total + value, 0);
}
