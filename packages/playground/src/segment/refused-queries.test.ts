import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError, type ProblemDetails } from '@tessera/client';
import { refusedQueries } from './refused-queries.js';

function refusalOf(...errors: NonNullable<ProblemDetails['errors']>): ServiceError {
  const detail = errors.map(({ pointer, message }) => `${pointer} ${message}.`).join(' ');
  const problem = { type: 'urn:x', title: 'Not valid', status: 400, code: 'TSR_VALIDATION', detail, errors } as const;
  return new ServiceError(problem);
}

test('each refused query has its own reason', () => {
  const refused = refusedQueries(
    refusalOf(
      { pointer: '/queries/1', message: 'must not be blank' },
      { pointer: '/queries/3', message: 'has 900 tokens in its prompt of 700' },
    ),
  );
  assert.deepEqual(
    [...refused],
    [
      [1, 'The query is empty.'],
      [3, 'The query has 900 tokens in its prompt of 700.'],
    ],
  );
});

test('what is not about single queries refuses none of them', () => {
  const blank = { pointer: '/queries/1', message: 'must not be blank' };
  assert.equal(refusedQueries(refusalOf(blank, { pointer: '/threshold', message: 'must be <= 1' })).size, 0);
  assert.equal(refusedQueries(refusalOf()).size, 0);
  assert.equal(refusedQueries(new Error('away')).size, 0);
});
