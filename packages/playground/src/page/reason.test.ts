import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError } from '@tessera/client';
import { reasonOf } from './reason.js';

test('a service that is away is reported with what to do', () => {
  const away = new ConnectionError('http://127.0.0.1:3000 cannot be reached: Failed to fetch');
  assert.match(reasonOf(away), /^The service cannot be reached\. Check that it is running .* try again\.$/);
});

test('what another server answered stays as it is', () => {
  const message = 'http://127.0.0.1:3000 answered 502, but not as Tessera does.';
  assert.equal(reasonOf(new ConnectionError(message, { status: 502 })), message);
});
