/**
 * `npm run bench:latency`: starts the embedded service and times requests from outside, over HTTP, one at a time. With
 * `REDIS_URL` jobs travel through that Redis. Exits 1 when a median is over its budget.
 *
 * `-- --against REF` also builds that commit in the temporary directory and sends every request to both services, which
 * take turns at going first. A row counts as slower, and the command exits 1, when even the lower end of the 95 % interval
 * of its ratio is above {@link slowerRatio}. `--rounds N` changes how often each request is sent (15).
 */
import { parseArgs } from 'node:util';
import type { SegmentResponse } from '@tessera/contracts';
import { markdownRows, median, medianInterval, milliseconds, repositoryRoot } from '@tessera/evaluation';
import { buildCheckout } from './checkout.js';
import { latencyRows, loadSubjects, requestOf, type LatencyRow, type Subject } from './latency-rows.js';
import { post, startService, type Form, type Service } from './service.js';

const warmUps = 2;
const slowerRatio = 1.02;
/** Wall time of the client minus decoding, models and masks: HTTP, queue, blob store and scheduling. */
const overheadBudgetMs = 15;

/** Milliseconds of one request. */
interface Timing {
  readonly totalMs: number;
  readonly overheadMs: number;
}

const { values: flags } = parseArgs({
  options: { against: { type: 'string' }, rounds: { type: 'string', default: '15' } },
});
const rounds = Number(flags.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds is a whole number from 1.');
const subjects = await loadSubjects();
if (flags.against === undefined) await measure();
else await compare(flags.against);

async function measure(): Promise<void> {
  const service = await startService(repositoryRoot);
  const failures: string[] = [];
  try {
    const table: string[][] = [];
    for (const row of latencyRows) {
      const timings = (await timeRow(row, [service])).flat();
      const totals = timings.map(({ totalMs }) => totalMs);
      const [total, overhead] = [median(totals), median(timings.map(({ overheadMs }) => overheadMs))];
      const isOver = row.budgetMs !== undefined && (total > row.budgetMs || overhead > overheadBudgetMs);
      if (isOver) failures.push(row.name);
      const budget = row.budgetMs === undefined ? '–' : milliseconds(row.budgetMs);
      table.push([row.name, ...[total, Math.max(...totals)].map(milliseconds), budget, milliseconds(overhead)]);
    }
    console.log(markdownRows(['request', 'median', 'slowest', 'budget', 'of it HTTP and queue'], table));
    console.log(`\nWhere there is a budget, HTTP and queue may take at most ${overheadBudgetMs} ms.`);
  } finally {
    await service.stop();
  }
  finish('over their budget', failures);
}

async function compare(reference: string): Promise<void> {
  const { commit, directory } = await buildCheckout(reference);
  // Each side has its own models and queue.
  const environment = { ...process.env, MODELS_DIR: '', REDIS_URL: '' };
  const services: Service[] = [];
  const slower: string[] = [];
  try {
    for (const root of [repositoryRoot, directory]) services.push(await startService(root, environment));
    const table: string[][] = [];
    for (const row of latencyRows) {
      const pairs = (await timeRow(row, services)).map((timings) => timings.map(({ totalMs }) => totalMs));
      const [now, before] = [0, 1].map((side) => median(pairs.flatMap((pair) => pair[side] ?? [])));
      const ratio = medianInterval(pairs.map(([left = NaN, right = NaN]) => left / right));
      if (ratio.low > slowerRatio) slower.push(row.name);
      const cell = `${ratio.value.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]`;
      table.push([row.name, milliseconds(now ?? NaN), milliseconds(before ?? NaN), cell]);
    }
    console.log(markdownRows(['request', 'now', commit.slice(0, 12), 'ratio'], table));
    console.log(`\nMedians of ${rounds} rounds, and the median ratio of the pairs with its 95 % interval.`);
    console.log(`The other checkout is kept for the next time: ${directory}`);
  } finally {
    await Promise.all(services.map((service) => service.stop()));
  }
  finish('slower', slower);
}

/** Sends the requests of a row to every service; gives each round's timings in the order of the services. */
async function timeRow(row: LatencyRow, services: readonly Service[]): Promise<Timing[][]> {
  const timings: Timing[][] = [];
  for (let round = -warmUps; round < rounds; round += 1) {
    const subject = subjects[(round + warmUps) % subjects.length];
    if (subject === undefined) throw new Error('There is no photo to ask about.');
    const form = await requestOf(row, subject, `${row.name}, round ${round}`);
    const inTurn = round % 2 === 0 ? services : services.toReversed();
    if (!row.isNew) for (const { url } of inTurn) await post(url + row.path, await firstRequest(row, subject, round));
    const taken = new Map<Service, Timing>();
    for (const service of inTurn) taken.set(service, await time(service.url + row.path, form));
    if (round >= 0) timings.push(services.flatMap((service) => taken.get(service) ?? []));
  }
  return timings;
}

/** A question about the same file, so that the service knows the picture. */
function firstRequest(row: LatencyRow, subject: Subject, round: number): Promise<Form> {
  const other = { ...subject, queries: subject.queries.slice(1) };
  return requestOf(row, other, `${row.name}, round ${round}`);
}

async function time(url: string, form: Form): Promise<Timing> {
  const startedAt = performance.now();
  const { timings_ms: timings } = await post<Pick<SegmentResponse, 'timings_ms'>>(url, form);
  const totalMs = performance.now() - startedAt;
  const work = Object.entries(timings).filter(([stage]) => stage !== 'queue' && stage !== 'total');
  return { totalMs, overheadMs: totalMs - work.reduce((sum, [, ms]) => sum + ms, 0) };
}

function finish(what: string, rows: readonly string[]): void {
  if (rows.length === 0) return;
  console.error(`${what}: ${rows.join('; ')}`);
  process.exitCode = 1;
}
