import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { redisSkipReason, RedisServer, TcpProxy } from '@tessera/runtime/testing';
import type { JobQueue } from './job-queue.js';
import { isCode, QueueProcess, suiteQueues, until, type TestJob } from './test-fixtures.js';

describe('a queue in Redis', { skip: redisSkipReason, timeout: 120_000 }, () => {
  let server: RedisServer;
  const { openQueue, closeAll, name } = suiteQueues(() => ({
    connection: { kind: 'redis', url: server.url },
    // Redis goes away on purpose here.
    onError: () => {},
    lockDurationMs: 1_000,
    stalledCheckMs: 300,
  }));

  const startProcess = (script: string) =>
    new QueueProcess(
      { kind: 'redis', url: server.url },
      `const queue = await createJobQueue({
         name: '${name()}', connection, onError: console.error, lockDurationMs: 1000, stalledCheckMs: 300,
       });
       ${script}`,
    );

  const add = (queue: JobQueue<TestJob>, id: string) => queue.add({ label: 'x' }, { id, priority: 'normal' });

  before(async () => {
    server = await RedisServer.start();
  });

  after(() => server.remove());

  it('runs the job of a killed worker again, in another process, and answers it once', async () => {
    const queue = await openQueue();
    await add(queue, 'interrupted');
    const worker = startProcess(
      `queue.process((job) => { console.log('started'); return new Promise(() => {}); }, { concurrency: 1 });`,
    );
    await worker.printed('started');
    await worker.kill();
    const attempts: number[] = [];
    queue.process((job) => Promise.resolve(`attempt ${attempts.push(job.attempt)}`), { concurrency: 1 });
    const done = await queue.waitFor('interrupted', { timeoutMs: 10_000 });
    assert.equal(done?.resultKey, 'attempt 1');
    assert.deepEqual(attempts, [2]);
  });

  it('gives up on a job whose workers die too often', async () => {
    const queue = await openQueue({ maxWorkerDeaths: 1 });
    await add(queue, 'poison');
    for (let death = 0; death < 2; death++) {
      const worker = startProcess(`queue.process((job) => process.kill(process.pid, 'SIGKILL'), { concurrency: 1 });`);
      await until(() => worker.hasExited, 20_000);
    }
    let runs = 0;
    queue.process(() => Promise.resolve(String(++runs)), { concurrency: 1 });
    const failed = await queue.waitFor('poison', { timeoutMs: 10_000 });
    assert.equal(failed?.status, 'failed');
    assert.equal(failed.error?.code, 'TSR_INFERENCE_FAILED');
    assert.equal(runs, 0);
  });

  it('wakes a waiter, cancels a job and counts across processes', async () => {
    const queue = await openQueue();
    const worker = startProcess(
      `queue.process((job) => job.id === 'quick' ? Promise.resolve('done')
         : new Promise((resolve, reject) => job.signal.addEventListener('abort', () => {
             console.log('aborted'); reject(job.signal.reason);
           })), { concurrency: 2 });
       console.log('ready');`,
    );
    try {
      await worker.printed('ready');
      await add(queue, 'endless');
      await until(async () => (await queue.counts()).running === 1, 10_000);
      await add(queue, 'quick');
      assert.equal((await queue.waitFor('quick', { timeoutMs: 5_000 }))?.resultKey, 'done');
      const cancelledAt = performance.now();
      assert.equal(await queue.cancel('endless'), 'cancelling');
      assert.equal((await queue.waitFor('endless', { timeoutMs: 5_000 }))?.status, 'cancelled');
      assert.ok(performance.now() - cancelledAt < 1_000);
      await worker.printed('aborted');
    } finally {
      await worker.kill();
    }
  });

  it('rejects within a second while Redis is down or hangs, and recovers, with those who wait and work', async () => {
    const gateway = await openQueue();
    const worker = await openQueue();
    worker.process(() => Promise.resolve('done'), { concurrency: 1 });
    await add(gateway, 'before');
    await gateway.waitFor('before', { timeoutMs: 5_000 });

    const operations = [
      () => add(gateway, 'while-down'),
      () => gateway.get('before'),
      () => gateway.counts(),
      () => gateway.cancel('before'),
      () => gateway.waitFor('before', { timeoutMs: 5_000 }),
    ];
    const outages: { begin: () => void | Promise<void>; end: () => void | Promise<void> }[] = [
      { begin: () => server.stop(), end: () => server.start() },
      {
        begin: () => {
          server.pause();
        },
        end: () => {
          server.resume();
        },
      },
    ];
    for (const { begin, end } of outages) {
      await begin();
      for (const operation of operations) {
        const startedAt = performance.now();
        await assert.rejects(operation, isCode('TSR_QUEUE_UNAVAILABLE'));
        assert.ok(performance.now() - startedAt < 1_500);
      }
      await end();
      await until(() => succeeds(gateway.counts()));
      const id = `after-${performance.now().toFixed(0)}`;
      await add(gateway, id);
      assert.equal((await gateway.waitFor(id, { timeoutMs: 10_000 }))?.status, 'succeeded');
      assert.equal((await gateway.get('before'))?.status, 'succeeded');
    }
  });

  it('answers those who were waiting when Redis was restarted', async () => {
    const gateway = await openQueue();
    const worker = await openQueue();
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    worker.process(() => released.then(() => 'done'), { concurrency: 1 });
    await add(gateway, 'patient');
    const waiting = gateway.waitFor('patient', { timeoutMs: 20_000 });
    await until(async () => (await gateway.get('patient'))?.status === 'running');
    await server.stop();
    await delay(300);
    await server.start();
    release();
    assert.equal((await waiting)?.status, 'succeeded');
  });

  it('reads ends again after Redis died with a command of the reader under way', async () => {
    const queue = await openQueue();
    const ended = new Set<string>();
    queue.readEnds((jobs) => {
      for (const { id } of jobs) ended.add(id);
      // What the reader sends next is received and not answered.
      if (!ended.has('later')) server.pause();
      return Promise.resolve();
    });
    const processor = queue.process(() => Promise.resolve('done'), { concurrency: 1 });
    await add(queue, 'first');
    await until(() => ended.has('first'), 20_000);
    await delay(300);
    await server.stop();
    await server.start();
    await until(
      () =>
        add(queue, 'later').then(
          () => true,
          () => false,
        ),
      20_000,
    );
    await until(() => ended.has('later'), 30_000);
    await processor.drain(1_000);
  });

  it('adds, runs, awaits and reads jobs again after its connections have fallen silent for good', async () => {
    const network = await TcpProxy.start(() => Number(new URL(server.url).port));
    const queue = await openQueue({ connection: { kind: 'redis', url: `redis://127.0.0.1:${network.port}` } });
    const runs: string[] = [];
    const ended = new Set<string>();
    queue.readEnds((jobs) => {
      for (const { id } of jobs) ended.add(id);
      return Promise.resolve();
    });
    queue.process((job) => Promise.resolve(String(runs.push(job.id))), { concurrency: 1 });
    try {
      await add(queue, 'before');
      await queue.waitFor('before', { timeoutMs: 5_000 });
      await until(() => ended.has('before'));
      network.silence();
      const silencedAt = performance.now();
      await until(() => succeeds(add(queue, 'after')), 15_000);
      assert.equal((await queue.waitFor('after', { timeoutMs: 20_000 }))?.status, 'succeeded');
      await until(() => ended.has('after'), 20_000);
      assert.ok(performance.now() - silencedAt < 30_000);
      assert.deepEqual(runs, ['before', 'after']);
    } finally {
      await closeAll();
      network.close();
    }
  });

  it('starts before Redis does', async () => {
    const late = await RedisServer.prepare();
    const queue = await openQueue({ connection: { kind: 'redis', url: late.url } });
    try {
      await assert.rejects(add(queue, 'early'), isCode('TSR_QUEUE_UNAVAILABLE'));
      await assert.rejects(queue.waitFor('early', { timeoutMs: 100 }), isCode('TSR_QUEUE_UNAVAILABLE'));
      queue.process(() => Promise.resolve('done'), { concurrency: 1 });
      await late.start();
      await until(() => succeeds(add(queue, 'first')));
      assert.equal((await queue.waitFor('first', { timeoutMs: 10_000 }))?.status, 'succeeded');
    } finally {
      await closeAll();
      await late.remove();
    }
  });

  it('closes while Redis is down', async () => {
    const queue = await openQueue();
    queue.process(() => Promise.resolve('done'), { concurrency: 1 });
    await add(queue, 'x');
    await queue.waitFor('x', { timeoutMs: 5_000 });
    await server.stop();
    const startedAt = performance.now();
    await closeAll();
    assert.ok(performance.now() - startedAt < 6_000);
    await server.start();
  });
});

async function succeeds(operation: Promise<unknown>): Promise<boolean> {
  return operation.then(
    () => true,
    () => false,
  );
}
