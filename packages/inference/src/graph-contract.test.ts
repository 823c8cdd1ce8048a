import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphContract } from '@tessera/contracts';
import { assertContract, type SessionMetadata } from './graph-contract.js';

const contract: GraphContract = {
  inputs: { ids: { dtype: 'int64', shape: ['batch', 'length'] }, scale: { dtype: 'float32', shape: [] } },
  outputs: { states: { dtype: 'float32', shape: ['batch', 'length', 8] } },
  batch: 'batch',
};

function session(states: Partial<SessionMetadata['outputMetadata'][number]> = {}): SessionMetadata {
  return {
    inputMetadata: [
      { name: 'scale', isTensor: true, type: 'float32', shape: [] },
      { name: 'ids', isTensor: true, type: 'int64', shape: ['batch', 'length'] },
    ],
    outputMetadata: [
      { name: 'states', isTensor: true, type: 'float32', shape: ['batch', 'length', 8], ...states },
    ] as SessionMetadata['outputMetadata'],
  };
}

test('a graph is what its contract says, in any order', () => {
  assert.doesNotThrow(() => {
    assertContract('graph', contract, session());
  });
});

test('a dimension without a name fits a name, not a number', () => {
  assert.doesNotThrow(() => {
    assertContract('graph', contract, session({ shape: ['batch', '', 8] }));
  });
  assert.throws(() => {
    assertContract('graph', contract, session({ shape: ['batch', 'length', ''] }));
  }, /graph has the output "states" float32 \[batch, length, \?\], but its manifest declares float32 \[batch, length, 8\]/);
});

test('another name, type, rank, size or named dimension is refused', () => {
  for (const change of [
    { name: 'state' },
    { type: 'float16' },
    { shape: ['batch', 'length'] },
    { shape: ['batch', 'length', 9] },
    { shape: ['batch', 'batch', 8] },
    { isTensor: false },
  ] as Partial<SessionMetadata['outputMetadata'][number]>[]) {
    assert.throws(() => {
      assertContract('graph', contract, session(change));
    }, /^Error: graph has the output.*manifest declares/);
  }
});
