import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TesseraError, type RegionReasonerSettings } from '@tessera/contracts';
import { flopsReduction } from '@tessera/token-pruning';
import { decoderShape, planPruning } from './pruning-plan.js';

const settings: Pick<RegionReasonerSettings, 'decoder' | 'pruning'> = {
  decoder: { layers: 10, width: 192, feed_forward_width: 512, grid_side: 8, regions: 64 },
  pruning: {
    mode: 'csp',
    cluster_layers: 4,
    scatter_layers: 2,
    selected_tokens: 32,
    kept_tokens: 16,
    selection: 'seg_first',
    scatter: 'residual',
    fastv_layer: 2,
  },
};
const shape = decoderShape(settings);
const shippedTokens = [32, 128, 16];

describe('planPruning', () => {
  it('is the bundle’s own schedule for a request without options, and for its mode alone', () => {
    for (const options of [undefined, { mode: 'csp' }] as const) {
      const { stages, selection, scatter } = planPruning(settings, options);
      assert.deepEqual(
        stages.map(({ imageTokens }) => imageTokens),
        shippedTokens,
      );
      assert.deepEqual([selection, scatter], ['seg_first', 'residual']);
    }
  });

  it('prunes nothing for "off", and for a bundle that ships without pruning', () => {
    const unpruned = { ...settings, pruning: { ...settings.pruning, mode: 'off' } } as const;
    for (const plan of [planPruning(settings, { mode: 'off' }), planPruning(unpruned, undefined)]) {
      assert.equal(flopsReduction(shape, plan.stages), 0);
    }
    assert.ok(flopsReduction(shape, planPruning(unpruned, { mode: 'csp' }).stages) > 0.6);
  });

  it('gives every mode the budget of the request, or the bundle’s own', () => {
    const own = flopsReduction(shape, planPruning(settings, undefined).stages);
    for (const mode of ['csp', 'fastv', 'pyramid', 'cls_topk', 'random'] as const) {
      const close = (saved: number, wanted: number) => saved >= wanted - 6e-4 && saved < wanted + 0.02;
      assert.ok(close(flopsReduction(shape, planPruning(settings, { mode }).stages), own), mode);
      assert.ok(close(flopsReduction(shape, planPruning(settings, { mode, reduction: 0.5 }).stages), 0.5), mode);
    }
  });

  it('saves as much as it can for a larger budget', () => {
    const { stages } = planPruning(settings, { mode: 'csp', reduction: 0.9 });
    assert.deepEqual(
      stages.map(({ imageTokens }) => imageTokens),
      [1, 128, 1],
    );
  });

  it('refuses a reduction without pruning', () => {
    assert.throws(
      () => planPruning(settings, { mode: 'off', reduction: 0.5 }),
      (error) => TesseraError.isInstance(error) && error.fields[0]?.pointer === '/pruning/reduction',
    );
    assert.equal(planPruning(settings, { mode: 'off', reduction: 0 }).mode, 'off');
  });
});
