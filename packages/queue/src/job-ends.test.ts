import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createJobQueue } from './create-job-queue.js';
import type { JobQueue, JobSnapshot } from './job-queue.js';
import {
  backends,
  openEmbeddedPlace,
  QueueProcess,
  suiteQueues,
  until,
  type Place,
  type TestJob,
} from './test-fixtures.js';

const origin = { apiKey: 'annotators', webhook: { url: 'https://a.example/' } };
const endless = () => new Promise<string>(() => undefined);

for (const { name, skip, open } of backends) {
  describe(`the ends of jobs in a queue ${name}`, { skip, timeout: 120_000 }, () => {
    let place: Place;
    let keeper: JobQueue<TestJob>;
    const { openQueue } = suiteQueues(() => ({
      connection: place.connection,
      onError: () => undefined,
      lockDurationMs: 1_000,
      stalledCheckMs: 300,
      retryDelayMs: 10,
    }));

    const add = (queue: JobQueue<TestJob>, id: string, deadlineMs?: number) =>
      queue.add({ label: id }, { id, priority: 'normal', origin, ...(deadlineMs === undefined ? {} : { deadlineMs }) });

    /** The ends that a reader gets, by job. */
    const collect = (queue: JobQueue<TestJob>) => {
      const ends: JobSnapshot<TestJob>[] = [];
      const reader = queue.readEnds((ended) => {
        ends.push(...ended);
        return Promise.resolve();
      });
      return { ends, reader, statuses: () => Object.fromEntries(ends.map(({ id, status }) => [id, status])) };
    };

    before(async () => {
      place = await open();
      keeper = await createJobQueue({ name: 'keeper', connection: place.connection, onError: assert.ifError });
    });

    after(async () => {
      await keeper.close();
      await place.remove();
    });

    it('are read once each, whatever the end, also without a worker', async () => {
      const queue = await openQueue();
      const { ends, statuses } = collect(queue);
      await add(queue, 'withdrawn');
      await add(queue, 'overdue', 50);
      assert.equal(await queue.cancel('withdrawn'), 'cancelled');
      await until(() => ends.length === 2);

      let attempts = 0;
      queue.process(
        ({ id, signal }) => {
          if (id === 'good') return Promise.resolve('key');
          if (id === 'refused') throw new TesseraError('TSR_OPTION_UNSUPPORTED', 'No.');
          if (id === 'broken') throw new Error(`attempt ${++attempts}`);
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reject(signal.reason as Error);
            });
          });
        },
        { concurrency: 8 },
      );
      for (const id of ['good', 'refused', 'broken', 'stopped']) await add(queue, id);
      await until(async () => (await queue.get('stopped'))?.status === 'running');
      assert.equal(await queue.cancel('stopped'), 'cancelling');
      await until(() => ends.length >= 6, 10_000);
      await delay(500);
      assert.deepEqual(statuses(), {
        withdrawn: 'cancelled',
        overdue: 'expired',
        good: 'succeeded',
        refused: 'failed',
        broken: 'failed',
        stopped: 'cancelled',
      });
      assert.equal(ends.length, 6);
      assert.equal(attempts, 3);
      const good = ends.find(({ id }) => id === 'good');
      assert.equal(good?.resultKey, 'key');
      assert.deepEqual(good.data, { label: 'good' });
      for (const end of ends) assert.deepEqual(end.origin, origin, end.id);
    });

    it('come again when their handler fails, and wait for a reader', async () => {
      const queue = await openQueue();
      // The queue keeps ends from its first reader on.
      await collect(queue).reader.close();
      queue.process(() => Promise.resolve('key'), { concurrency: 1 });
      for (const id of ['one', 'two']) {
        await add(queue, id);
        await queue.waitFor(id, { timeoutMs: 5_000 });
      }
      const calls: string[][] = [];
      const reader = queue.readEnds((ended) => {
        calls.push(ended.map(({ id }) => id));
        return calls.length === 1 ? Promise.reject(new Error('not now')) : Promise.resolve();
      });
      await until(() => calls.length === 2);
      assert.deepEqual(calls, [
        ['one', 'two'],
        ['one', 'two'],
      ]);
      await reader.close();
      const { ends, reader: second } = collect(queue);
      await add(queue, 'three');
      await until(() => ends.length > 0);
      await second.close();
      assert.deepEqual(
        ends.map(({ id }) => id),
        ['three'],
      );
    });

    it('are not those of jobs that are tried again or forgotten', async () => {
      const queue = await openQueue({ keepFinished: { ageMs: 3_600_000, count: 1 } });
      const { ends } = collect(queue);
      queue.process(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('once')) : Promise.resolve('key')), {
        concurrency: 1,
      });
      for (const [index, id] of ['first', 'second', 'third'].entries()) {
        await add(queue, id);
        await until(() => ends.length > index);
      }
      await delay(300);
      assert.deepEqual(
        ends.map(({ id, status }) => [id, status]),
        ['first', 'second', 'third'].map((id) => [id, 'succeeded']),
      );
    });

    it('list the jobs that failed, the latest first, and let them be tried again', async () => {
      const queue = await openQueue({ attempts: 2 });
      let isUp = false;
      queue.process(() => (isUp ? Promise.resolve('key') : Promise.reject(new Error('down'))), { concurrency: 1 });
      for (const id of ['one', 'two', 'three']) {
        await add(queue, id);
        await queue.waitFor(id, { timeoutMs: 5_000 });
        await delay(5);
      }
      const failed = await queue.failed(2);
      assert.deepEqual(
        failed.map(({ id }) => id),
        ['three', 'two'],
      );
      isUp = true;
      assert.equal(await queue.retry('two', 'succeeded'), false);
      assert.equal(await queue.retry('two', 'failed'), true);
      await until(async () => (await queue.get('two'))?.status === 'succeeded');
      assert.equal(await queue.retry('two', 'failed'), false);
      assert.equal(await queue.retry('nobody', 'failed'), false);
      assert.deepEqual(
        (await queue.failed(10)).map(({ id }) => id),
        ['three', 'one'],
      );
    });
  });
}

describe('the ends of jobs across processes', { skip: redisSkipReason, timeout: 120_000 }, () => {
  let server: RedisServer;
  const { openQueue, name } = suiteQueues(() => ({
    connection: { kind: 'redis', url: server.url },
    onError: () => undefined,
    lockDurationMs: 1_000,
    stalledCheckMs: 300,
  }));
  const startProcess = (script: string) =>
    new QueueProcess(
      { kind: 'redis', url: server.url },
      `const queue = await createJobQueue({
         name: '${name()}', connection, onError: console.error, lockDurationMs: 1000, stalledCheckMs: 300,
         maxWorkerDeaths: 1,
       });
       ${script}`,
    );
  const add = (queue: JobQueue<TestJob>, id: string) => queue.add({ label: id }, { id, priority: 'normal' });

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.remove());

  it('are divided among readers, none read twice', async () => {
    const [first, second] = [await openQueue(), await openQueue()];
    const ends: string[] = [];
    for (const queue of [first, second]) {
      queue.readEnds((ended) => {
        ends.push(...ended.map(({ id }) => id));
        return Promise.resolve();
      });
    }
    first.process(() => Promise.resolve('key'), { concurrency: 16 });
    const ids = Array.from({ length: 300 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id) => add(second, id)));
    await until(() => ends.length >= ids.length, 20_000);
    await delay(500);
    assert.deepEqual(ends.sort(), ids.sort());
  });

  it('that a killed reader had not handled are read by the next one', async () => {
    const queue = await openQueue();
    queue.process(() => Promise.resolve('key'), { concurrency: 1 });
    const reader = startProcess(
      `queue.readEnds((ended) => { console.log(ended[0].id); return new Promise(() => undefined); });`,
    );
    await add(queue, 'unhandled');
    await reader.printed('unhandled');
    const ends: string[] = [];
    queue.readEnds((ended) => {
      ends.push(...ended.map(({ id }) => id));
      return Promise.resolve();
    });
    await reader.kill();
    await until(() => ends.length > 0, 20_000);
    assert.deepEqual(ends, ['unhandled']);
  });

  it('include the one of a job whose workers die each time', async () => {
    const queue = await openQueue({ maxWorkerDeaths: 1 });
    const ends: JobSnapshot<TestJob>[] = [];
    queue.readEnds((ended) => {
      ends.push(...ended);
      return Promise.resolve();
    });
    await add(queue, 'poison');
    for (let death = 0; death < 2; death++) {
      const worker = startProcess(`queue.process(() => process.kill(process.pid, 'SIGKILL'), { concurrency: 1 });`);
      await until(() => worker.hasExited, 20_000);
    }
    queue.process(endless, { concurrency: 1 });
    await until(() => ends.length > 0, 20_000);
    assert.deepEqual(
      ends.map(({ id, status, error }) => [id, status, error?.code]),
      [['poison', 'failed', 'TSR_INFERENCE_FAILED']],
    );
  });

  it('are not held up by a job that another hand queued', async () => {
    const queue = await openQueue();
    const ends: JobSnapshot<TestJob>[] = [];
    queue.readEnds((ended) => {
      ends.push(...ended);
      return Promise.resolve();
    });
    queue.process(
      ({ data }: { readonly data: TestJob | undefined }) => {
        if (data === undefined) throw new TesseraError('TSR_VERSION_MISMATCH', 'No data.');
        return Promise.resolve('key');
      },
      { concurrency: 1 },
    );
    const client = new Redis(server.url, { maxRetriesPerRequest: null });
    const foreign = new Queue(`{${name()}}`, { connection: client, prefix: 'tessera' });
    const records = [null, 7, 'text', [], {}, { deadlineAt: 'soon', origin: null }];
    for (const [index, record] of records.entries()) {
      await foreign.add('job', record, { jobId: `job-foreign-${index}`, priority: 2 });
    }
    await add(queue, 'own');
    await until(() => ends.length > records.length, 10_000);
    await foreign.close();
    await client.quit();
    const failed = records.map((_, index) => [`foreign-${index}`, 'failed', 'TSR_VERSION_MISMATCH']);
    assert.deepEqual(ends.map(({ id, status, error }) => [id, status, error?.code]).sort(), [
      ...failed,
      ['own', 'succeeded', undefined],
    ]);
    assert.equal((await queue.get('foreign-0'))?.status, 'failed');
  });

  it('are found in the jobs themselves when their events were dropped unread', async () => {
    const queue = await openQueue();
    const read = (handled: string[]) =>
      queue.readEnds((ended) => {
        handled.push(...ended.map(({ id }) => id));
        return Promise.resolve();
      });
    const before: string[] = [];
    const reader = read(before);
    queue.process(() => Promise.resolve('key'), { concurrency: 1 });
    await add(queue, 'seen');
    await until(() => before.length === 1);
    await reader.close();

    await add(queue, 'unseen');
    await queue.waitFor('unseen', { timeoutMs: 5_000 });
    await queue.add({ label: 'x' }, { id: 'withdrawn', priority: 'normal', deadlineMs: 1 });
    await delay(20);
    await queue.get('withdrawn');
    const client = new Redis(server.url);
    await client.xtrim(`tessera:{${name()}}:events`, 'MAXLEN', 0);
    await add(queue, 'later');
    await client.quit();

    const after: string[] = [];
    read(after);
    await until(() => ['unseen', 'withdrawn', 'later'].every((id) => after.includes(id)), 10_000);
  });
});

describe('the ends of jobs of a dead process', { timeout: 120_000 }, () => {
  it('are read by the next one, in an embedded queue', async (test) => {
    const { connection, remove } = await openEmbeddedPlace();
    test.after(remove);
    const child = new QueueProcess(
      connection,
      `const queue = await createJobQueue({ name: 'jobs', connection, onError: console.error });
       queue.readEnds((ended) => { console.log(ended[0].id); return new Promise(() => undefined); });
       queue.process(() => Promise.resolve('key'), { concurrency: 1 });
       await queue.add({ label: 'x' }, { id: 'first', priority: 'normal' });
       await queue.add({ label: 'x' }, { id: 'second', priority: 'normal' });
       await queue.waitFor('second', { timeoutMs: 5000 });
       console.log('both done');`,
    );
    test.after(() => child.kill());
    await child.printed('first');
    await child.printed('both done');
    await child.kill();
    const queue = await createJobQueue<TestJob>({ name: 'jobs', connection, onError: assert.ifError });
    const ends: string[] = [];
    queue.readEnds((ended) => {
      ends.push(...ended.map(({ id }) => id));
      return Promise.resolve();
    });
    await until(() => ends.length >= 2);
    assert.deepEqual(ends, ['first', 'second']);
    await queue.close();
  });
});
