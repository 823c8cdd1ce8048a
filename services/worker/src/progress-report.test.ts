import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { progressReport } from './progress-report.js';

describe('the progress report of a job', () => {
  it('does not report a short job, and a long one twice a second', async () => {
    const reported: object[] = [];
    const report = progressReport({ progress: (progress) => Promise.resolve(void reported.push(progress)) });
    report({ step: 1 });
    await delay(600);
    report({ step: 2 });
    report({ step: 3 });
    await delay(600);
    report({ step: 4 });
    assert.deepEqual(reported, [{ step: 2 }, { step: 4 }]);
  });

  it('ignores a report that fails', async () => {
    const report = progressReport({ progress: () => Promise.reject(new Error('gone')) });
    await delay(600);
    report({ step: 1 });
    await delay(1);
  });
});
