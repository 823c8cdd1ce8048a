import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RememberedTexts } from './remembered-texts.js';

describe('RememberedTexts', () => {
  it('computes each text once, and gives the values in the order of the texts', async () => {
    const asked: (readonly string[])[] = [];
    const remembered = new RememberedTexts<{ readonly length: number }>(10);
    const compute = (texts: readonly string[]) => {
      asked.push(texts);
      return Promise.resolve(texts.map(({ length }) => ({ length })));
    };
    const lengths = async (...texts: string[]) => (await remembered.of(texts, compute)).map(({ length }) => length);
    assert.deepEqual(await lengths('a', 'bbb', 'a'), [1, 3, 1]);
    assert.deepEqual(await lengths('bbb', 'cc', 'a'), [3, 2, 1]);
    assert.deepEqual(await lengths('cc'), [2]);
    assert.deepEqual(await lengths(), []);
    assert.deepEqual(asked, [['a', 'bbb'], ['cc']]);
  });

  it('remembers nothing of a computation that fails', async () => {
    const remembered = new RememberedTexts<object>(10);
    await assert.rejects(
      remembered.of(['a'], () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal((await remembered.of(['a'], () => Promise.resolve([{}]))).length, 1);
  });

  it('forgets the text that was not asked about for longest, but not within one call', async () => {
    let computed = 0;
    const remembered = new RememberedTexts<object>(2);
    const ask = async (...texts: string[]) =>
      (
        await remembered.of(texts, (unknown) => {
          computed += unknown.length;
          return Promise.resolve(unknown.map(() => ({})));
        })
      ).length;
    assert.equal(await ask('a', 'b', 'c'), 3);
    assert.equal(await ask('b', 'c'), 2);
    assert.equal(computed, 3);
    assert.equal(await ask('a'), 1);
    assert.equal(computed, 4);
  });
});
