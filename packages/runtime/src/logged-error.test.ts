import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { loggedError } from './logged-error.js';

test('the log has what an error says and what caused it, and nothing that a library has added to it', () => {
  const lines: string[] = [];
  const log = pino({ serializers: { err: loggedError } }, { write: (line) => lines.push(line) });
  const refused = Object.assign(new Error('OOM command not allowed'), {
    code: 'ERR_OOM',
    command: { name: 'set', args: ['blob:a', Buffer.from('the bytes of an image')] },
    query: 'AUTH a-password',
  });
  log.error({ err: refused }, 'refused');
  log.error({ err: new Error('the queue cannot be reached', { cause: refused }) }, 'failed');
  const [first, second] = lines.map((line) => (JSON.parse(line) as { err: Record<string, unknown> }).err);
  assert.deepEqual(Object.keys(first ?? {}), ['type', 'message', 'stack', 'code']);
  assert.deepEqual([first?.type, first?.message, first?.code], ['Error', 'OOM command not allowed', 'ERR_OOM']);
  assert.equal(second?.message, 'the queue cannot be reached: OOM command not allowed');
  assert.match(String(second.stack), /caused by: Error: OOM command not allowed/);
  assert.doesNotMatch(lines.join(''), /image|116,104,101|a-password/);
});

test('what is no error is logged as it is', () => {
  assert.equal(loggedError('a text'), 'a text');
});
