import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mistakeIn, requireRoom, shapes } from './prefill-shape.js';

test('a shape says which room it lacks before its weights are written', () => {
  const shape = shapes['llama-7b'];
  assert.ok(shape);
  const enough = { memory: 9e9, disk: 1e9 };
  requireRoom('llama-7b', shape, enough);
  assert.throws(() => {
    requireRoom('llama-7b', shape, { ...enough, memory: 7e9 });
  }, /llama-7b needs 8 GB of free memory/);
  assert.throws(() => {
    requireRoom('llama-7b', shape, { ...enough, disk: 50e6 });
  }, /llama-7b needs 138 MB of free disk/);
});

test('flags that are wrong are explained in one line', () => {
  const right = { shape: 'llama-7b', imageTokens: 256, rounds: 5 };
  assert.equal(mistakeIn(right), undefined);
  assert.equal(mistakeIn({ ...right, shape: 'mini' }), undefined);
  assert.match(mistakeIn({ ...right, shape: 'toString' }) ?? '', /^--shape is one of mini, llama-7b, .*tiny$/);
  for (const rounds of [0, -1, 1.5, 101, NaN, Infinity]) {
    assert.equal(mistakeIn({ ...right, rounds }), '--rounds is a whole number from 1 to 100');
  }
  for (const imageTokens of [0, 7, 12.5, 4033, NaN]) {
    assert.equal(mistakeIn({ ...right, imageTokens }), '--image-tokens is a whole number from 8 to 4032');
  }
});
