import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { progressReport } from './progress-report.js';

describe('the progress report of a job', () => {
  it('says nothing of a short job, and of a long one where it is twice a second', async () => {
    const told: object[] = [];
    const report = progressReport({ progress: (progress) => Promise.resolve(void told.push(progress)) });
    report({ step: 1 });
    await delay(600);
    report({ step: 2 });
    report({ step: 3 });
    await delay(600);
    report({ step: 4 });
    assert.deepEqual(told, [{ step: 2 }, { step: 4 }]);
  });

  it('outlives a queue that cannot be told', async () => {
    const report = progressReport({ progress: () => Promise.reject(new Error('gone')) });
    await delay(600);
    report({ step: 1 });
    await delay(1);
  });
});
