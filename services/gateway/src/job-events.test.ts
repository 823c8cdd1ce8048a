import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import { resultKey } from '@tessera/blob-store';
import { TesseraError } from '@tessera/contracts';
import type { JobQueue, JobSnapshot } from '@tessera/queue';
import { eventStream } from './jobs/event-stream.js';
import { JobEvents, parseEventId } from './jobs/job-events.js';
import { listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';

const queued: JobSnapshot<unknown> = {
  id: 'job',
  data: {},
  origin: {},
  status: 'queued',
  position: 0,
  createdAt: 0,
  deadlineAt: null,
  startedAt: null,
  finishedAt: null,
  progress: null,
  resultKey: null,
  error: null,
};
const running = (progress: object | null = null): JobSnapshot<unknown> => ({ ...queued, status: 'running', progress });
const epoch = (number: number) => ({ stage: 'epochs', fraction: number / 4, epoch: number });
const training = (number: number) =>
  running({ ...epoch(number), milestones: Array.from({ length: number - 1 }, (_, index) => epoch(index + 1)) });
const succeeded: JobSnapshot<unknown> = { ...training(4), status: 'succeeded', resultKey: 'x' };

function sent(events: JobEvents, ...snapshots: JobSnapshot<unknown>[]): string[] {
  return snapshots.flatMap((snapshot) =>
    events.next(snapshot, { answer: 42 }).map(({ event, data }) => {
      const { status, epoch: number } = data as { status?: string; epoch?: number };
      return [event, status ?? number ?? ''].join(' ').trim();
    }),
  );
}

test('every change is sent once, and milestones that no snapshot showed as the latest too', () => {
  const events = new JobEvents(undefined);
  assert.deepEqual(sent(events, queued, queued, running(), training(1), training(1), training(3)), [
    'status queued',
    'status running',
    'progress 1',
    'progress 2',
    'progress 3',
  ]);
  assert.deepEqual(sent(events, succeeded, succeeded), ['progress 4', 'status succeeded', 'result']);
});

test('a stream that is resumed at any event gives exactly the rest', () => {
  const snapshots = [queued, running(), training(1), training(3), succeeded];
  const all = new JobEvents(undefined);
  const whole = snapshots.flatMap((snapshot) => all.next(snapshot, {}));
  for (const [index, { id }] of whole.entries()) {
    const rest = new JobEvents(id).next(succeeded, {});
    const expected = whole.slice(index + 1).map((event) => event.id);
    // States that passed between two connections are not sent any more; milestones and the end are.
    assert.deepEqual(
      rest.map((event) => event.id),
      expected.filter((later) => later !== undefined && later > 1),
    );
  }
});

test('a job that falls back to the queue says so, and its progress goes on where it was', () => {
  const events = new JobEvents(undefined);
  const sequence = sent(events, running(), training(2), queued, running(), training(2), training(3));
  assert.deepEqual(sequence, [
    'status running',
    'progress 1',
    'progress 2',
    'status queued',
    'status running',
    'progress 3',
  ]);
});

test('failures end with their problem, and ids of others count as none', () => {
  const error = new TesseraError('TSR_JOB_CANCELLED', 'gone').toJSON();
  const [status, problem] = new JobEvents(1).next({ ...queued, status: 'cancelled', error }, undefined);
  assert.deepEqual([status?.event, problem?.event], ['status', 'error']);
  assert.equal((problem?.data as { code: string }).code, 'TSR_JOB_CANCELLED');
  assert.equal(parseEventId('12'), 12);
  for (const text of [undefined, '', '-1', '1e3', '99999999', 'x']) assert.equal(parseEventId(text), undefined);
});

test('a silent stream has heartbeats', async () => {
  const wait = new EventEmitter();
  async function* batches() {
    await once(wait, 'end');
    yield [{ event: 'result', id: 7, data: { text: 'a\nb' } } as const];
  }
  const text: string[] = [];
  for await (const part of eventStream(batches(), 20)) {
    text.push(part);
    if (text.length === 3) wait.emit('end');
  }
  assert.match(text[0] ?? '', /^retry: \d+\n\n$/);
  assert.match(text[1] ?? '', /^: .*\n\n$/);
  assert.equal(text.at(-1), 'event: result\nid: 7\ndata: {"text":"a\\nb"}\n\n');
});

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('events');
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

test('a job is followed to its end over HTTP, left, and resumed', async () => {
  const steps = new EventEmitter();
  queue.process(
    async (job) => {
      if (job.data.kind === 'canary' && !job.id.startsWith('followed')) return 'none';
      await job.progress({ stage: 'half', fraction: 0.5 });
      await once(steps, 'finish');
      await stores.blobs.put(resultKey(job.id), Buffer.from('{"answer":42}'), { ttlMs: 60_000 });
      return resultKey(job.id);
    },
    { concurrency: 4 },
  );
  await queue.add({ kind: 'canary' }, { id: 'followed', priority: 'normal' });

  const leaving = new AbortController();
  const first = await follow('followed', leaving.signal);
  assert.equal(first.headers.get('content-type'), 'text/event-stream');
  let seen = '';
  for await (const chunk of first.body ?? assert.fail()) {
    seen += Buffer.from(chunk as Uint8Array).toString();
    if (seen.includes('"half"')) break;
  }
  leaving.abort();
  const lastId = /.*id: (\d+)/s.exec(seen)?.[1] ?? assert.fail('no id');

  const rest = follow('followed', undefined, lastId).then((response) => response.text());
  await until(() => steps.listenerCount('finish') === 1);
  steps.emit('finish');
  const text = await rest;
  assert.deepEqual(
    [...text.matchAll(/^event: (.*)$/gm)].map(([, event]) => event),
    ['status', 'result'],
  );
  assert.match(text, /data: \{"answer":42\}\n\n$/);
  const end = /.*id: (\d+)/s.exec(text)?.[1] ?? assert.fail('no id');
  assert.equal((await follow('followed', undefined, end)).status, 204);
  assert.equal(problemOf(await gateway.client.get('/jobs/nobody/events').expect(404)).code, 'TSR_JOB_NOT_FOUND');
});

test('a gateway that closes ends its streams at once', async () => {
  const idle = await stores.openQueue('events-idle');
  const closing = await listen(idle, stores);
  await idle.add({ kind: 'canary' }, { id: 'waiting', priority: 'normal' });
  const response = await fetch(`http://127.0.0.1:${closing.port}/jobs/waiting/events`);
  const startedAt = performance.now();
  const [text] = await Promise.all([response.text(), closing.app.close()]);
  assert.ok(performance.now() - startedAt < 10_000);
  assert.doesNotMatch(text, /event: (result|error)/);
});

function follow(id: string, signal?: AbortSignal, lastEventId?: string) {
  return fetch(`http://127.0.0.1:${gateway.port}/jobs/${id}/events`, {
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    ...(signal === undefined ? {} : { signal }),
  });
}
