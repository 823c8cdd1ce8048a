import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireRoom, shapes } from './prefill-shape.js';

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
