import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefer } from './prefer-header.js';

test('an absent header prefers nothing', () => {
  assert.deepEqual(parsePrefer(undefined), { respondAsync: false, waitSeconds: undefined });
});

test('respond-async and wait are read in any order, case and spacing', () => {
  assert.deepEqual(parsePrefer('Wait = 10 , Respond-Async'), { respondAsync: true, waitSeconds: 10 });
  assert.deepEqual(parsePrefer(['respond-async', 'wait="3"']), { respondAsync: true, waitSeconds: 3 });
  assert.deepEqual(parsePrefer('wait=7; foo=bar'), { respondAsync: false, waitSeconds: 7 });
});

test('the first of two waits counts', () => {
  assert.equal(parsePrefer('wait=1, wait=9').waitSeconds, 1);
});

test('malformed and unknown preferences are ignored', () => {
  for (const header of ['wait=-1', 'wait=1e3', 'wait=', 'wait=9999999', 'return=minimal', ',,;', 'xwait=5']) {
    assert.deepEqual(parsePrefer(header), { respondAsync: false, waitSeconds: undefined }, header);
  }
});
