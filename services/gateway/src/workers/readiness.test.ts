import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { reportWorker, TestStores } from '../testing/test-gateway.js';
import { Readiness } from './readiness.js';
import { WorkerDirectory } from './worker-directory.js';

test('a failed canary is followed by a pause, and each pause is longer than the last', async () => {
  const stores = await TestStores.open();
  try {
    const queue = await stores.openQueue('canaries');
    await reportWorker(stores.blobs, 'worker-1', 'tessera-mini');
    let isBroken = true;
    const startedAtMs: number[] = [];
    queue.process(
      () => {
        startedAtMs.push(performance.now());
        return isBroken ? Promise.reject(new Error('no canary succeeds')) : Promise.resolve('none');
      },
      { concurrency: 1 },
    );
    const readiness = new Readiness(queue, new WorkerDirectory(stores.blobs), pino({ level: 'silent' }));
    readiness.start();
    await delay(1_800);
    await assert.rejects(readiness.check(), /No job has gone through/);
    isBroken = false;
    while (startedAtMs.length < 3) await delay(50);
    assert.equal((await readiness.check()).status, 'ready');
    await readiness.stop();

    const [first = 0, second = 0, third = 0] = startedAtMs;
    assert.ok(second - first > 900, `the second canary came after ${second - first} ms`);
    assert.ok(third - second > 1_900, `the third canary came after ${third - second} ms`);
    assert.equal(startedAtMs.length, 3);
  } finally {
    await stores.close();
  }
});
