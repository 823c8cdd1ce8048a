import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pairCandidates, type TextMatrix } from '@tessera/composition';
import { TextMatrices } from './text-matrices.js';

const cups = pairCandidates([['red', 'cup']]);
const hats = pairCandidates([['red', 'hat']]);

function matrixOf(value: number): TextMatrix {
  return { rows: 1, width: 2, values: Float32Array.of(value, value) };
}

/** A computation that the test ends. */
function controlled() {
  let [resolve, reject]: [(matrix: TextMatrix) => void, (error: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<TextMatrix>((...settle) => {
    [resolve, reject] = settle;
  });
  let starts = 0;
  const compute = () => {
    starts += 1;
    return promise;
  };
  return { compute, resolve, reject, starts: () => starts };
}

describe('text matrices', () => {
  it('are computed once for the same rows and candidates', async () => {
    const matrices = new TextMatrices(1000);
    const first = await matrices.get('rows', cups, () => Promise.resolve(matrixOf(1)));
    const never = () => Promise.reject(new Error('computed again'));
    assert.equal(await matrices.get('rows', pairCandidates([['red', 'cup']]), never), first);
    await assert.rejects(matrices.get('rows', hats, never), /computed again/);
    await assert.rejects(matrices.get('other rows', cups, never), /computed again/);
  });

  it('are forgotten when they take too much memory', async () => {
    const matrices = new TextMatrices(matrixOf(0).values.byteLength);
    await matrices.get('rows', cups, () => Promise.resolve(matrixOf(1)));
    await matrices.get('rows', hats, () => Promise.resolve(matrixOf(2)));
    assert.deepEqual(await matrices.get('rows', cups, () => Promise.resolve(matrixOf(3))), matrixOf(3));
  });

  it('are shared by requests at the same time', async () => {
    const matrices = new TextMatrices(1000);
    const work = controlled();
    const both = [matrices.get('rows', cups, work.compute), matrices.get('rows', cups, work.compute)];
    work.resolve(matrixOf(1));
    const [one, other] = await Promise.all(both);
    assert.equal(one, other);
    assert.equal(work.starts(), 1);
  });

  it('are computed by the next request when the one that began fails', async () => {
    const matrices = new TextMatrices(1000);
    const work = controlled();
    const failing = matrices.get('rows', cups, work.compute);
    const waiting = matrices.get('rows', cups, () => Promise.resolve(matrixOf(2)));
    work.reject(new Error('given up'));
    await assert.rejects(failing, /given up/);
    assert.deepEqual(await waiting, matrixOf(2));
  });

  it('are no longer waited for by a request that is given up', async () => {
    const matrices = new TextMatrices(1000);
    const work = controlled();
    const controller = new AbortController();
    const computing = matrices.get('rows', cups, work.compute);
    const waiting = matrices.get('rows', cups, work.compute, controller.signal);
    controller.abort(new Error('not wanted'));
    await assert.rejects(waiting, /not wanted/);
    work.resolve(matrixOf(1));
    assert.deepEqual(await computing, matrixOf(1));
  });
});
