import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planBaseline, type BaselineMethod } from './baselines.js';
import { checkStages, unprunedStages, type DecoderShape } from './decoder-shape.js';
import { averageImageTokens, flopsReduction, stagesFlops } from './flops.js';
import { pruningReport } from './pruning-report.js';
import { planSchedule, scheduleStages, type Schedule } from './schedule.js';

const lisa: DecoderShape = { layers: 32, width: 4096, feedForwardWidth: 11_008, imageTokens: 256 };

function schedule(clusterLayers: number, scatterLayers: number, selectedTokens: number, keptTokens: number): Schedule {
  return { clusterLayers, scatterLayers, selectedTokens, keptTokens };
}

const shapes = fc.record({
  layers: fc.integer({ min: 4, max: 40 }),
  width: fc.integer({ min: 8, max: 512 }),
  feedForwardWidth: fc.integer({ min: 8, max: 2048 }),
  imageTokens: fc.integer({ min: 4, max: 300 }),
});
const plans = shapes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    shipped: fc
      .record({
        clusterLayers: fc.integer({ min: 0, max: shape.layers - 2 }),
        scatterLayers: fc.integer({ min: 0, max: 2 }),
        selectedTokens: fc.integer({ min: 1, max: shape.imageTokens }),
        keptTokens: fc.integer({ min: 1, max: shape.imageTokens - 1 }),
      })
      .filter(({ clusterLayers, scatterLayers }) => clusterLayers + scatterLayers < shape.layers),
  }),
);
const reductions = fc.double({ min: 0, max: 0.9, noNaN: true });
const methods = fc.constantFrom<BaselineMethod>('fastv', 'pyramid', 'cls_topk', 'random');

describe('the schedules of the design at the shape of LISA-7B', () => {
  for (const [reduction, average, plan] of [
    [0.65, 90, schedule(16, 6, 64, 32)],
    [0.705, 76, schedule(16, 4, 64, 32)],
    [0.696, 78, schedule(4, 8, 32, 16)],
  ] as const) {
    it(`save ${String(reduction * 100)} % of the image tokens' FLOPs`, () => {
      const stages = scheduleStages(lisa, plan);
      assert.ok(Math.abs(flopsReduction(lisa, stages) - reduction) < 5e-4);
      assert.equal(averageImageTokens(lisa, stages), average);
      assert.deepEqual(planSchedule(lisa, plan, reduction), plan);
    });
  }

  it('save less of the language model with its text, and less again of a whole request', () => {
    const stages = scheduleStages(lisa, schedule(16, 6, 64, 32));
    const withText = flopsReduction(lisa, stages, { textTokens: 64 });
    assert.ok(Math.abs(withText - 0.52) < 0.005);
    const samMacs = 2.7e12;
    assert.ok(flopsReduction(lisa, stages, { textTokens: 64, otherMacs: samMacs }) < withText);
  });

  it('count two operations for each multiply-accumulate', () => {
    const [width, feedForward, tokens] = [4096, 11_008, 256];
    const macs = 32 * (4 * tokens * width ** 2 + 2 * tokens ** 2 * width + 3 * tokens * width * feedForward);
    assert.equal(stagesFlops(lisa, unprunedStages(lisa)), 2 * macs);
  });
});

describe('planSchedule', () => {
  it('saves as much as it is asked to, or as much as the scattering layers allow', () => {
    fc.assert(
      fc.property(plans, reductions, ({ shape, shipped }, reduction) => {
        const plan = planSchedule(shape, shipped, reduction);
        const stages = scheduleStages(shape, plan);
        checkStages(shape, stages);
        const least = {
          ...shipped,
          selectedTokens: shipped.selectedTokens < shape.imageTokens ? 1 : shape.imageTokens,
          keptTokens: 1,
        };
        const most = flopsReduction(shape, scheduleStages(shape, least));
        assert.ok(flopsReduction(shape, stages) >= Math.min(reduction, most) - 5e-4 - 1e-9);
        assert.deepEqual([plan.clusterLayers, plan.scatterLayers], [shipped.clusterLayers, shipped.scatterLayers]);
      }),
    );
  });

  it('never takes more tokens anywhere for a larger reduction', () => {
    fc.assert(
      fc.property(plans, reductions, reductions, ({ shape, shipped }, one, other) => {
        const less = planSchedule(shape, shipped, Math.min(one, other));
        const more = planSchedule(shape, shipped, Math.max(one, other));
        assert.ok(more.selectedTokens <= less.selectedTokens && more.keptTokens <= less.keptTokens);
      }),
    );
  });

  it('prunes nothing for 0, and gives the same schedule every time', () => {
    fc.assert(
      fc.property(plans, reductions, ({ shape, shipped }, reduction) => {
        const { selectedTokens, keptTokens } = planSchedule(shape, shipped, 0);
        assert.deepEqual([selectedTokens, keptTokens], [shape.imageTokens, shape.imageTokens]);
        assert.deepEqual(planSchedule(shape, shipped, reduction), planSchedule(shape, shipped, reduction));
      }),
    );
  });

  it('refuses budgets outside the contract and schedules that save nothing', () => {
    const shipped = schedule(16, 6, 64, 32);
    for (const reduction of [-0.1, 0.91, Number.NaN]) {
      assert.throws(() => planSchedule(lisa, shipped, reduction), RangeError);
      assert.throws(() => planBaseline(lisa, 'fastv', reduction, 2), RangeError);
    }
    assert.throws(() => planSchedule(lisa, schedule(16, 6, 256, 256), 0.5), RangeError);
  });
});

describe('planBaseline', () => {
  it('fits the budget as closely as whole tokens allow', () => {
    for (const method of ['fastv', 'pyramid', 'cls_topk', 'random'] as const) {
      for (const reduction of [0.3, 0.5, 0.65, 0.7]) {
        const saved = flopsReduction(lisa, planBaseline(lisa, method, reduction, 2));
        assert.ok(
          saved >= reduction - 5e-4 && saved < reduction + 0.01,
          `${method} ${String(reduction)}: ${String(saved)}`,
        );
      }
    }
  });

  it('gives stages of the whole model that never grow', () => {
    fc.assert(
      fc.property(shapes, methods, reductions, (shape, method, reduction) => {
        const stages = planBaseline(shape, method, reduction, 2);
        checkStages(shape, stages);
        const tokens = stages.map(({ imageTokens }) => imageTokens);
        assert.deepEqual(
          tokens,
          [...tokens].sort((a, b) => b - a),
        );
        assert.ok(method === 'cls_topk' || method === 'random' || tokens[0] === shape.imageTokens);
      }),
    );
  });

  it('is the pyramid of the paper where the budget is the paper’s', () => {
    const halves: readonly number[] = [256, 128, 64, 32];
    const reduction = flopsReduction(
      lisa,
      halves.map((imageTokens, index) => ({ name: 'pruning', layers: [8 * index, 8 * index + 8], imageTokens })),
    );
    const stages = planBaseline(lisa, 'pyramid', reduction, 2);
    for (const [index, { imageTokens }] of stages.entries()) {
      assert.ok(Math.abs(imageTokens - (halves[index] ?? 0)) <= 1);
    }
  });
});

describe('pruningReport', () => {
  it('says what every stage saw and what that saved', () => {
    assert.deepEqual(pruningReport('csp', lisa, scheduleStages(lisa, schedule(16, 6, 64, 32))), {
      mode: 'csp',
      stages: [
        { name: 'clustering', layers: [0, 16], image_tokens: 64 },
        { name: 'scattering', layers: [16, 22], image_tokens: 256 },
        { name: 'pruning', layers: [22, 32], image_tokens: 32 },
      ],
      average_image_tokens: 90,
      image_tokens: 256,
      flops_reduction: 0.6497,
    });
  });

  it('leaves out stages without layers', () => {
    const { stages } = pruningReport('csp', lisa, scheduleStages(lisa, schedule(0, 8, 64, 32)));
    assert.deepEqual(
      stages.map(({ name }) => name),
      ['scattering', 'pruning'],
    );
  });

  it('refuses stages that do not fit the model', () => {
    for (const stages of [
      [],
      [{ name: 'full', layers: [0, 31], imageTokens: 256 }],
      [{ name: 'full', layers: [1, 32], imageTokens: 256 }],
      [{ name: 'full', layers: [0, 32], imageTokens: 257 }],
      [{ name: 'full', layers: [0, 32], imageTokens: 0 }],
    ] as const) {
      assert.throws(() => pruningReport('off', lisa, stages), RangeError);
    }
  });
});
