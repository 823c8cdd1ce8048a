import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryAfterMs } from './retry-after.js';

describe('retryAfterMs', () => {
  const now = Date.parse('2030-01-31T12:00:00Z');

  it('reads seconds and the dates of HTTP', () => {
    for (const [header, expected] of [
      ['0', 0],
      [' 120 ', 120_000],
      [['1', '7'], 7_000],
      ['Thu, 31 Jan 2030 12:01:00 GMT', 60_000],
      ['Thursday, 31-Jan-30 12:01:00 GMT', 60_000],
      ['Thu Jan 31 12:01:00 2030', 60_000],
      ['Thu, 31 Jan 2030 11:00:00 GMT', 0],
    ] as const) {
      assert.equal(retryAfterMs(header, now), expected, String(header));
    }
  });

  it('takes nothing else for a time', () => {
    for (const header of [undefined, [], '', '-5', '1.5', '1e9', 'soon', '5 s', '2030-01-31']) {
      assert.equal(retryAfterMs(header, now), undefined, String(header));
    }
  });
});
