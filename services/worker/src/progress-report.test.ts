import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobProgress } from '@tessera/queue';
import { progressReport } from './progress-report.js';

describe('the progress report of a job', () => {
  it('says nothing of a short job, and of a long one where it is twice a second', async () => {
    const told: JobProgress[] = [];
    const report = progressReport({ progress: (progress) => Promise.resolve(void told.push(progress)) });
    report(1);
    await delay(600);
    report(2);
    report(3);
    await delay(600);
    report(4);
    assert.deepEqual(told, [2, 4]);
  });

  it('outlives a queue that cannot be told', async () => {
    const report = progressReport({ progress: () => Promise.reject(new Error('gone')) });
    await delay(600);
    report(1);
    await delay(1);
  });
});
