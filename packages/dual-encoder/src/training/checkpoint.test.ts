import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCheckpoint, serializeCheckpoint, type Checkpoint } from './checkpoint.js';

const checkpoint: Checkpoint = {
  features: [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)],
  state: {
    phase: 'choice',
    epoch: 2,
    theta: Float32Array.of(0.1, 0.2),
    firstMoment: Float32Array.of(0.3, 0.4),
    secondMoment: Float32Array.of(0.5, 0.6),
    best: {
      epoch: 1,
      score: 0.7,
      metrics: { auc: 0.7, best_hm: 0.8, best_seen: 0.9, best_unseen: 0.6, bias: 1.5 },
      theta: Float32Array.of(0.7, 0.8),
    },
    history: [
      { epoch: 1, loss: 3, validation_auc: 0.7 },
      { epoch: 2, loss: 2 },
    ],
  },
};
const lengths = { examples: 3, features: 2, theta: 2 };

describe('a checkpoint', () => {
  it('is read as it was written', () => {
    assert.deepEqual(parseCheckpoint(serializeCheckpoint(checkpoint, 'task'), 'task', lengths), checkpoint);
    const first = { ...checkpoint, state: { ...checkpoint.state, best: undefined, history: [] } };
    assert.deepEqual(parseCheckpoint(serializeCheckpoint(first, 'task'), 'task', lengths), first);
    const unmeasured = {
      ...checkpoint,
      state: { ...checkpoint.state, best: { epoch: 1, score: 1, metrics: undefined, theta: Float32Array.of(1, 2) } },
    };
    assert.deepEqual(parseCheckpoint(serializeCheckpoint(unmeasured, 'task'), 'task', lengths), unmeasured);
  });

  it('of another task or size is not used', () => {
    const bytes = serializeCheckpoint(checkpoint, 'task');
    assert.equal(parseCheckpoint(bytes, 'another', lengths), undefined);
    assert.equal(parseCheckpoint(bytes, 'task', { ...lengths, examples: 4 }), undefined);
    assert.equal(parseCheckpoint(bytes, 'task', { ...lengths, theta: 4 }), undefined);
  });

  it('that is cut off or no checkpoint at all is not used', () => {
    const bytes = serializeCheckpoint(checkpoint, 'task');
    for (let length = 0; length < bytes.length; length += 7) {
      assert.equal(parseCheckpoint(bytes.subarray(0, length), 'task', lengths), undefined);
    }
    assert.equal(parseCheckpoint(Buffer.from('{"phase": "choice"}'), 'task', lengths), undefined);
  });
});
