import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StageClock } from './stage-clock.js';

const stages = ['decode', 'vision'] as const;

describe('a stage clock', () => {
  it('adds up the parts of a stage, failed ones too, and gives what the work gives', async () => {
    const clock = new StageClock(stages);
    assert.deepEqual(clock.timingsMs, { decode: 0, vision: 0 });
    assert.equal(await clock.measure('vision', () => delay(20, 'pixels')), 'pixels');
    const first = clock.timingsMs.vision;
    assert.ok(first >= 15);
    await assert.rejects(
      clock.measure('vision', () => delay(20).then(() => Promise.reject(new Error('broken')))),
      /broken/,
    );
    assert.ok(clock.timingsMs.vision >= first + 15);
    assert.equal(clock.timingsMs.decode, 0);
  });

  it('lets an observer do the work of a stage', async () => {
    const seen: string[] = [];
    const clock = new StageClock(stages, {
      around: async (stage, work) => {
        seen.push(stage);
        return await work();
      },
    });
    assert.equal(await clock.measure('decode', () => Promise.resolve('pixels')), 'pixels');
    assert.deepEqual(seen, ['decode']);
  });

  it('does not begin a stage of a request that was given up', async () => {
    const controller = new AbortController();
    const clock = new StageClock(stages, { signal: controller.signal });
    await clock.measure('decode', () => Promise.resolve());
    controller.abort(new Error('given up'));
    const begun: string[] = [];
    await assert.rejects(
      clock.measure('vision', () => Promise.resolve(begun.push('vision'))),
      /given up/,
    );
    assert.deepEqual(begun, []);
  });

  it('reports progress that never goes back', () => {
    const reported: [string, number][] = [];
    const clock = new StageClock(stages, { onProgress: (stage, fraction) => reported.push([stage, fraction]) });
    clock.report('decode', 0.4);
    clock.report('vision', 0.1);
    clock.report('vision', 0.8);
    assert.deepEqual(reported, [
      ['decode', 0.4],
      ['vision', 0.4],
      ['vision', 0.8],
    ]);
  });
});
