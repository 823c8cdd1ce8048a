import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TesseraError } from '@tessera/contracts';
import { BundleError, type Bundle } from '@tessera/inference';
import { bundleFailure } from './bundle-failure.js';

const bundle = { manifest: { name: 'lisa' }, directory: '/models/lisa' } as Bundle;

test('what goes wrong with a bundle at the start names it, and says what lies below', () => {
  const messageOf = (error: unknown) => bundleFailure(bundle, error).message;
  assert.equal(
    messageOf(new TesseraError('TSR_INFERENCE_FAILED', 'The model run failed.', { cause: new Error('Incompatible.') })),
    'Bundle "lisa" (/models/lisa) cannot be served: The model run failed. Incompatible.',
  );
  const fields = [{ pointer: '/queries/0', message: 'has 70 tokens in its prompt of 9' }];
  assert.equal(
    messageOf(new TesseraError('TSR_VALIDATION', 'A query is too long for the model.', { fields })),
    'Bundle "lisa" (/models/lisa) cannot be served: A query is too long for the model. ' +
      '/queries/0 has 70 tokens in its prompt of 9.',
  );
  assert.equal(messageOf(new BundleError('Bundle "lisa" has no graph "x".')), 'Bundle "lisa" has no graph "x".');
});
