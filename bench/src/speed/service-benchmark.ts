/**
 * `npm run bench:service [-- --rounds 60 --answers 120 --document]`: what the service adds to its models, with the detector
 * of `tessera-baseline` (`refine: false`), in one run on the same cores. It needs `redis-server`.
 *
 * - Overhead: the pipeline called in this process, the embedded service and a cluster over Redis answer the same requests in
 *   turns, about new photos and about known ones. Overhead is the client's time minus the stages of the pipeline.
 * - Two cores: one worker and two with one thread each, and how much of what the cores allow they reach.
 * - Batching: one worker without and with it.
 *
 * Prints tables; with `--document` they are written to `docs/reference/service-benchmark.md`. Exits 1 when a target is missed.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SegmentResponse } from '@tessera/contracts';
import {
  markdownRows,
  milliseconds,
  modelDirectory,
  repositoryRoot,
  withRuntime,
  writeSection,
} from '@tessera/evaluation';
import { RedisConnection } from '@tessera/runtime/redis';
import { createSegmenter, type Segmenter } from '@tessera/segmentation';
import {
  jsonForm,
  machine,
  percentile,
  readPhotos,
  summarize,
  takeTurn,
  unseen,
  type Contender,
  type Turn,
} from './load.js';
import { post, startCluster, startService, type Cluster, type Service } from './service.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    answers: { type: 'string', default: '120' },
    document: { type: 'boolean', default: false },
  },
});
/** Requests of each kind to each place, and answers of one turn under load. */
const [rounds, answers] = [Number(flags.rounds), Number(flags.answers)];
const model = 'tessera-baseline';
const query = 'the person';
const warmUps = 5;
const turns = 3;
const clients = 8;
/** Most overhead at the median, in milliseconds. */
const targets = { embedded: 12, Redis: 8 } as const;
/** Least share that two workers reach of what the cores allow. */
const leastShare = 0.85;

const misses: string[] = [];
const photos = await readPhotos();
// The services load no other model.
const modelsDirectory = await mkdtemp(join(tmpdir(), 'tessera-bench-models-'));
await symlink(modelDirectory(model), join(modelsDirectory, model));
const environment = { MODELS_DIR: modelsDirectory };
const sections: string[] = [];
try {
  for (const measure of [overhead, workers, batching]) {
    const section = await measure();
    console.log(`${section}\n`);
    sections.push(section);
  }
} finally {
  await rm(modelsDirectory, { recursive: true });
}
const text = [...sections, machine()].join('\n\n');
if (flags.document) await writeSection('docs/reference/service-benchmark.md', 'service', text);
if (misses.length > 0) {
  console.error(`missed: ${misses.join('; ')}`);
  process.exitCode = 1;
}

/** One request's milliseconds: until its answer, and of these outside of the pipeline. */
interface Timing {
  readonly totalMs: number;
  readonly overheadMs: number;
}

/** Where requests are answered. */
interface Place {
  readonly name: string;
  readonly ask: (photo: Buffer) => Promise<Timing>;
}

async function overhead(): Promise<string> {
  return withRuntime(model, async ({ bundle, runner }) => {
    const segmenter = await createSegmenter(bundle, runner);
    const embedded = await startService(repositoryRoot, { ...process.env, ...environment, REDIS_URL: '' });
    const cluster = await startCluster(1, environment).catch(async (error: unknown) => {
      await embedded.stop();
      throw error;
    });
    try {
      const places: Place[] = [
        { name: 'the pipeline alone', ask: (photo) => askPipeline(segmenter, photo) },
        { name: 'embedded', ask: (photo) => askService(embedded, photo) },
        { name: 'Redis', ask: (photo) => askService(cluster, photo) },
      ];
      const kinds = { 'new photo': new Map<Place, Timing[]>(), 'known photo': new Map<Place, Timing[]>() };
      const readsBefore = await redisReads(cluster);
      for (let round = -warmUps; round < rounds; round++) {
        const photo = unseen(photos[(round + warmUps) % photos.length] ?? Buffer.alloc(0));
        for (const timings of Object.values(kinds)) {
          for (const place of round % 2 === 0 ? places : places.toReversed()) {
            const timing = await place.ask(photo);
            if (round >= 0) timings.set(place, [...(timings.get(place) ?? []), timing]);
          }
        }
      }
      const reads = ((await redisReads(cluster)) - readsBefore) / (2 * (rounds + warmUps));
      const rows = Object.entries(kinds).flatMap(([kind, timings]) =>
        [...timings].map(([{ name }, own]) => [kind, name, ...overheadCells(name, own)]),
      );
      const columns = ['request', 'answered by', 'p50', 'p99', 'overhead, p50', 'overhead, p99'];
      return [
        '### Overhead of HTTP and queue, one client',
        markdownRows(columns, rows),
        `A request over Redis takes ${reads.toFixed(0)} round trips to it, those of all processes together.`,
      ].join('\n\n');
    } finally {
      await Promise.all([embedded.stop(), cluster.stop()]);
    }
  });
}

function overheadCells(name: string, timings: readonly Timing[]): string[] {
  const totals = timings.map(({ totalMs }) => totalMs);
  const overheads = timings.map(({ overheadMs }) => overheadMs);
  const [median, target] = [percentile(overheads, 0.5), targets[name as keyof typeof targets]];
  if (target < median) misses.push(`overhead ${name}: ${milliseconds(median)}, at most ${target} ms`);
  const cells = [percentile(totals, 0.5), percentile(totals, 0.99), median, percentile(overheads, 0.99)];
  return cells.map(milliseconds);
}

async function askPipeline(segmenter: Segmenter, photo: Buffer): Promise<Timing> {
  const id = photo.subarray(-16).toString('latin1');
  const startedAt = performance.now();
  const image = { id, read: () => Promise.resolve(photo) };
  const { timingsMs } = await segmenter.segment(image, { queries: [query], options: { refine: false } });
  return timingOf(performance.now() - startedAt, timingsMs);
}

async function askService({ url }: Service | Cluster, photo: Buffer): Promise<Timing> {
  const form = jsonForm(requestAbout(photo.toString('base64')));
  const startedAt = performance.now();
  const { timings_ms: timings } = await post<Pick<SegmentResponse, 'timings_ms'>>(`${url}/segment`, form);
  return timingOf(performance.now() - startedAt, timings);
}

function requestAbout(image: string): object {
  return { image, query, model, refine: false };
}

function timingOf(totalMs: number, stages: Readonly<Record<string, number>>): Timing {
  const work = Object.entries(stages).filter(([stage]) => stage !== 'queue' && stage !== 'total');
  return { totalMs, overheadMs: totalMs - work.reduce((sum, [, ms]) => sum + ms, 0) };
}

/** How often a cluster's Redis has read from a connection: its round trips. */
async function redisReads({ redisUrl }: Cluster): Promise<number> {
  const connection = await RedisConnection.open({ url: redisUrl, onError: console.error, operationTimeoutMs: 5_000 });
  try {
    const info = await connection.run((client) => client.info('stats'));
    return Number(/total_reads_processed:(\d+)/.exec(info)?.[1]);
  } finally {
    connection.close();
  }
}

async function workers(): Promise<string> {
  const cores = availableParallelism();
  const measured = await underLoad(
    [1, 2].map((count) => ({ name: String(count), workers: count, settings: { TESSERA_THREADS: '1' } })),
  );
  const rows = measured.map(({ name, perSecond, p50, p99, cpuMs, clientCpuMs }) => {
    const share = (perSecond * (cpuMs + clientCpuMs)) / 1000 / cores;
    if (name === '2' && cores === 2 && share < leastShare) {
      misses.push(`two workers reach ${share.toFixed(2)} of what the cores allow, at least ${leastShare}`);
    }
    const cpu = [cpuMs, clientCpuMs].map(milliseconds);
    return [name, perSecond.toFixed(1), milliseconds(p50), milliseconds(p99), ...cpu, share.toFixed(2)];
  });
  const columns = [
    'workers',
    'answers a second',
    'p50',
    'p99',
    'CPU time an answer',
    'of the client',
    'of what is possible',
  ];
  return [
    `### Workers with one thread each, ${clients} clients`,
    markdownRows(columns, rows),
    `Possible are as many answers as ${cores} cores have CPU time for, that of the client included.`,
  ].join('\n\n');
}

async function batching(): Promise<string> {
  const measured = await underLoad([
    { name: 'off', workers: 1, settings: { TESSERA_MAX_BATCH: '1', TESSERA_CONCURRENCY: String(clients) } },
    { name: 'on', workers: 1, settings: { TESSERA_MAX_BATCH: String(clients) } },
  ]);
  const rows = measured.map(({ name, perSecond, p50, p99, cpuMs }) => [
    name,
    perSecond.toFixed(1),
    ...[p50, p99, cpuMs].map(milliseconds),
  ]);
  const columns = ['batching', 'answers a second', 'p50', 'p99', 'CPU time an answer'];
  return [`### Batching, one worker, ${clients} clients`, markdownRows(columns, rows)].join('\n\n');
}

interface Setup {
  readonly name: string;
  readonly workers: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** Clusters that stay up and take turns. */
async function underLoad(setups: readonly Setup[]) {
  const clusters: Cluster[] = [];
  try {
    const contenders: Contender[] = [];
    for (const { name, workers: count, settings } of setups) {
      const cluster = await startCluster(count, { ...environment, ...settings });
      clusters.push(cluster);
      const { url, pids } = cluster;
      contenders.push({ name, url: `${url}/segment`, pids, body: requestAbout, stop: () => cluster.stop() });
    }
    const taken = new Map<Contender, Turn[]>(contenders.map((contender) => [contender, []]));
    for (const contender of contenders) await takeTurn(contender, photos, clients, warmUps);
    for (let turn = 0; turn < turns; turn++) {
      for (const contender of turn % 2 === 0 ? contenders : contenders.toReversed()) {
        taken.get(contender)?.push(await takeTurn(contender, photos, clients, answers));
      }
    }
    return [...taken].map(([{ name }, own]) => ({ name, ...summarize(own) }));
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
}
