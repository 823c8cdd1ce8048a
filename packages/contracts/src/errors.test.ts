import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable, TesseraError } from './errors.js';

test('an error survives serialisation', () => {
  const error = new TesseraError('TSR_VALIDATION', 'wrong', { fields: [{ pointer: '/query', message: 'is missing' }] });
  const copy = TesseraError.fromJSON(JSON.parse(JSON.stringify(error)));
  assert.deepEqual(copy.toJSON(), error.toJSON());
  assert.equal(copy.status, 400);
  assert.equal(copy.retryable, false);
});

test('the text of a foreign error stays behind', () => {
  const foreign = new Error('password of the database');
  const error = TesseraError.from(foreign);
  assert.equal(error.code, 'TSR_INTERNAL');
  assert.doesNotMatch(error.message, /password/);
  assert.equal(error.cause, foreign);
  assert.equal(TesseraError.from(error), error);
});

test('only our errors are recognised', () => {
  assert.ok(TesseraError.isInstance(new TesseraError('TSR_INTERNAL', '')));
  assert.ok(!TesseraError.isInstance(new Error('')));
  assert.ok(!TesseraError.isInstance({ code: 'TSR_INTERNAL' }));
});

test('every row of the table says what a client can do', () => {
  for (const [code, { status, title, remedy }] of Object.entries(errorTable)) {
    assert.match(code, /^TSR_[A-Z_]+$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.ok(title.length > 0 && remedy.endsWith('.'), code);
  }
});
