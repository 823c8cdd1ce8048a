import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import type { GeneralisedEvaluation } from './generalised-evaluation.js';
import { drawSeenUnseenCurves } from './seen-unseen-curve.js';

function evaluation(points: readonly [seen: number, unseen: number][], best: number): GeneralisedEvaluation {
  return {
    metrics: {
      auc: 0.456,
      best_hm: 0.6,
      best_seen: points[0]?.[0] ?? 0,
      best_unseen: points.at(-1)?.[1] ?? 0,
      bias: best,
    },
    curve: points.map(([seen, unseen], bias) => ({ bias, seen, unseen })),
    seenImages: 10,
    unseenImages: 10,
  };
}

const steep = evaluation(
  [
    [1, 0],
    [0.5, 0.5],
    [0, 1],
  ],
  1,
);

/** The document's pixels as librsvg, which takes well-formed XML alone, draws them. */
async function draw(svg: string) {
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return {
    info,
    pixelAt: (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x + 1) * 3)],
  };
}

/** Any UTF-16, lone surrogates included; fast-check's own unit for that takes seconds to build. */
const anyString = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });

describe('drawSeenUnseenCurves', () => {
  it('puts seen accuracy over unseen accuracy, shades below, and marks the best harmonic mean', async () => {
    const { pixelAt, info } = await draw(drawSeenUnseenCurves('Apparel', [{ name: 'csp', evaluation: steep }]));
    assert.deepEqual([info.width, info.height], [760, 520]);
    const [blue, white] = [
      [0x2f, 0x81, 0xf7],
      [255, 255, 255],
    ];
    assert.deepEqual(pixelAt(64 + 200, 56 + 200), blue);
    assert.deepEqual(pixelAt(64 + 100, 56 + 100), blue);
    const below = pixelAt(64 + 90, 56 + 310);
    assert.ok((below[0] ?? 0) < 255 && below[2] === 254, String(below));
    assert.deepEqual(pixelAt(64 + 310, 56 + 90), white);
  });

  it('names methods with their areas', () => {
    const svg = drawSeenUnseenCurves('Apparel', [
      { name: 'csp', evaluation: steep },
      { name: 'coop', evaluation: steep },
    ]);
    assert.match(svg, /<desc>csp: AUC 45\.6; coop: AUC 45\.6<\/desc>/);
    assert.match(svg, />coop<\/text>/);
    assert.equal(svg.match(/AUC 45\.6, best HM 60\.0/g)?.length, 2);
  });

  it('fits the axes to small accuracies', () => {
    const flat = evaluation(
      [
        [0.12, 0],
        [0, 0.08],
      ],
      1,
    );
    assert.match(drawSeenUnseenCurves('C-GQA', [{ name: 'clip', evaluation: flat }]), />20<\/text>/);
  });

  it('is a picture whatever names are in it, and for no methods at all', async () => {
    await fc.assert(
      fc.asyncProperty(anyString, anyString, async (title, name) => {
        const { info } = await draw(
          drawSeenUnseenCurves(title, [{ name: `${name}<script>&"'\0\ud800`, evaluation: steep }]),
        );
        assert.equal(info.width, 760);
      }),
      { numRuns: 30 },
    );
    assert.equal((await draw(drawSeenUnseenCurves('', []))).info.width, 760);
  });
});
