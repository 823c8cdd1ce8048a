import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedBackend } from './embedded-backend.js';
import type { Withdrawal } from './job-record.js';
import type { QueueBackend } from './queue-backend.js';
import { RedisBackend } from './redis-backend.js';
import { backends, type Place } from './test-fixtures.js';

const ttlMs = 60_000;

for (const { name, skip, open } of backends) {
  describe(`the withdrawals of a queue ${name}`, { skip, timeout: 60_000 }, () => {
    let place: Place;
    let backend: QueueBackend;

    before(async () => {
      place = await open();
      const { connection } = place;
      const options = { name: 'withdrawals', onError: assert.ifError };
      backend =
        connection.kind === 'redis'
          ? await RedisBackend.open({ ...options, url: connection.url })
          : await EmbeddedBackend.open({ ...options, directory: connection.directory });
    });

    after(async () => {
      await backend.close();
      await place.remove();
    });

    const withdraw = async (id: string, code: Withdrawal['code'], withdrawnAt: number, keptMs = ttlMs) => {
      await backend.saveWithdrawal(id, { code, data: {}, deadlineAt: null, createdAt: 0, withdrawnAt }, keptMs);
      const [found] = await backend.findWithdrawals([id]);
      return [found?.code, found?.withdrawnAt];
    };

    it('stay the first, whoever finds the job overdue, or cancels it, after that', async () => {
      assert.deepEqual(await withdraw('late', 'TSR_JOB_EXPIRED', 1), ['TSR_JOB_EXPIRED', 1]);
      assert.deepEqual(await withdraw('late', 'TSR_JOB_EXPIRED', 2), ['TSR_JOB_EXPIRED', 1]);
      assert.deepEqual(await withdraw('unwanted', 'TSR_JOB_CANCELLED', 1), ['TSR_JOB_CANCELLED', 1]);
      assert.deepEqual(await withdraw('unwanted', 'TSR_JOB_CANCELLED', 2), ['TSR_JOB_CANCELLED', 1]);
      assert.deepEqual(await withdraw('unwanted', 'TSR_JOB_EXPIRED', 3), ['TSR_JOB_CANCELLED', 1]);
    });

    it('of jobs that started as their deadline passed give way to those of clients', async () => {
      assert.deepEqual(await withdraw('started', 'TSR_JOB_EXPIRED', 1), ['TSR_JOB_EXPIRED', 1]);
      assert.deepEqual(await withdraw('started', 'TSR_JOB_CANCELLED', 2), ['TSR_JOB_CANCELLED', 2]);
    });

    it('are replaced once they are not kept any more', async () => {
      await withdraw('old', 'TSR_JOB_CANCELLED', 1, 1);
      await delay(20);
      assert.deepEqual(await withdraw('old', 'TSR_JOB_EXPIRED', 2), ['TSR_JOB_EXPIRED', 2]);
    });
  });
}
