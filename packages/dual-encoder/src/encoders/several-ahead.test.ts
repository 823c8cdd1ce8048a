import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { severalAhead } from './several-ahead.js';

const items = [5, 1, 4, 2, 3, 0, 6];

describe('severalAhead', () => {
  it('uses the items in their order, whichever is prepared first', async () => {
    const used: (readonly [item: number, prepared: string])[] = [];
    const prepare = async (item: number): Promise<string> => {
      await delay(item);
      return `prepared ${item}`;
    };
    await severalAhead(items, prepare, (...both) => void used.push(both));
    assert.deepEqual(
      used,
      items.map((item) => [item, `prepared ${item}`]),
    );
  });

  it('prepares up to four at a time', async () => {
    let [underWay, most] = [0, 0];
    const prepare = async (): Promise<void> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await delay(1);
      underWay -= 1;
    };
    await severalAhead(items, prepare, () => undefined);
    assert.equal(most, 4);
  });

  it('prepares and uses nothing after a failure', async () => {
    const prepared: number[] = [];
    const used: number[] = [];
    const prepare = (item: number): Promise<number> => {
      prepared.push(item);
      return item === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(item);
    };
    await assert.rejects(
      severalAhead(items, prepare, (item) => void used.push(item)),
      { message: 'broken' },
    );
    assert.deepEqual([prepared, used], [[5, 1, 4, 2, 3], [5]]);
  });

  it('does nothing without items', async () => {
    await severalAhead(
      [],
      () => Promise.reject(new Error('never')),
      () => assert.fail('never'),
    );
  });
});
