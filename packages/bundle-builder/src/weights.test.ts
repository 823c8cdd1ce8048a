import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readWeightFile, verifyChecksum, WeightFileError } from './weights.js';

test('an installed weight file is read whole', async () => {
  const topology = await readWeightFile('@vladmandic/human', 'models/centernet.json');
  assert.equal(topology.length, 201673);
});

test('changed bytes are refused with the remedy in the message', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  verifyChecksum(Buffer.from('abc'), abc, 'weights.bin');
  assert.throws(
    () => {
      verifyChecksum(Buffer.from('abd'), abc, 'weights.bin');
    },
    (error) => error instanceof WeightFileError && /weights\.bin has the SHA-256 a52d.*npm ci/.test(error.message),
  );
});
