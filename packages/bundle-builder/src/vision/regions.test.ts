import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import { GraphBuilder } from '../onnx/graph-builder.js';
import { serializeModel } from '../onnx/serialization.js';
import { centerNetRegions } from './center-net.js';
import { nanoDetRegions } from './nano-det.js';
import { classCount, RegionLayers, type Regions } from './regions.js';

type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** A region with a logit for one class; the others have −9. */
interface Found {
  readonly box: Box;
  readonly class: number;
  readonly logit: number;
}

/** What a graph makes of constant regions or maps. */
async function regionsOf(build: (graph: GraphBuilder) => Regions): Promise<Found[]> {
  const graph = new GraphBuilder('regions');
  // A graph needs an input.
  graph.input('unused', 'float32', [1]);
  const { boxes, logits } = build(graph);
  graph.output('boxes', boxes, 'float32', ['batch', 'regions', 4]);
  graph.output('logits', logits, 'float32', ['batch', 'regions', classCount]);
  const session = await InferenceSession.create(serializeModel(graph.model()));
  const outputs = await session.run({ unused: new Tensor('float32', [0], [1]) });
  await session.release();
  const [corners, scores] = [outputs.boxes?.data as Float32Array, outputs.logits?.data as Float32Array];
  return Array.from({ length: corners.length / 4 }, (_, region) => {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = Array.from(corners.subarray(4 * region), round);
    const own = scores.subarray(classCount * region, classCount * (region + 1));
    const logit = Math.max(...own);
    return { box: [x0, y0, x1, y1], class: own.indexOf(logit), logit: round(logit) };
  });
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function constantRegions(graph: GraphBuilder, found: readonly Found[]): Regions {
  const logits = found.flatMap((region) =>
    Array.from({ length: classCount }, (_, index) => (index === region.class ? region.logit : -9)),
  );
  return {
    boxes: graph.float32(
      [1, found.length, 4],
      found.flatMap(({ box }) => box),
    ),
    logits: graph.float32([1, found.length, classCount], logits),
  };
}

/** A map of `height` × `width` cells with a value everywhere, and others at some places. */
function constantMap(
  graph: GraphBuilder,
  [channels, height, width]: readonly [number, number, number],
  value: number,
  others: readonly (readonly [channel: number, y: number, x: number, value: number])[],
) {
  const values = new Float32Array(channels * height * width).fill(value);
  for (const [channel, y, x, other] of others) values[(channel * height + y) * width + x] = other;
  return { value: graph.float32([1, channels, height, width], values), channels, height, width };
}

describe('regions of two detectors', () => {
  it('are merged: the mean where both have seen an object, once for each, and lowered logits where one has', async () => {
    const own: Found[] = [
      { box: [0, 0, 0.5, 0.5], class: 2, logit: 1 },
      { box: [0.6, 0.6, 0.8, 0.8], class: 3, logit: 0.5 },
      { box: [0, 0, 0.5, 0.625], class: 2, logit: 0 },
    ];
    const other: Found[] = [
      { box: [0.5, 0, 1, 0.5], class: 7, logit: 2 },
      { box: [0, 0, 0.5, 0.6], class: 2, logit: 3 },
    ];
    const merged = await regionsOf((graph) => {
      return new RegionLayers(graph).merge(constantRegions(graph, own), constantRegions(graph, other));
    });
    assert.deepEqual(merged, [
      { box: [0, 0, 0.5, 0.55], class: 2, logit: 2 },
      { box: [0.6, 0.6, 0.8, 0.8], class: 3, logit: -0.2 },
      { box: [0, 0, 0.5, 0.625], class: 2, logit: -0.7 },
      { box: [0.5, 0, 1, 0.5], class: 7, logit: 1.3 },
      { box: [0, 0, 0, 0], class: 0, logit: -20.7 },
    ]);
  });

  it('have each object once, and those without area are no one’s duplicates', async () => {
    const found: Found[] = [
      { box: [0, 0, 0.5, 0.5], class: 2, logit: 3 },
      { box: [0, 0, 0.5, 0.45], class: 2, logit: 2 },
      { box: [0.4, 0, 0.9, 0.5], class: 2, logit: 1 },
      { box: [0.2, 0.2, 0.2, 0.2], class: 5, logit: 0 },
      { box: [0.2, 0.2, 0.2, 0.2], class: 5, logit: -1 },
    ];
    const kept = await regionsOf((graph) => {
      const layers = new RegionLayers(graph);
      return layers.best(layers.withoutDuplicates(constantRegions(graph, found)), 4);
    });
    assert.deepEqual(kept, [found[0], found[2], found[3], found[4]]);
  });

  it('are not compared with left-out ones', async () => {
    const object: Found = { box: [0, 0, 0.5, 0.5], class: 2, logit: 1 };
    const twice: Found[] = [
      { box: [0, 0, 0.5, 0.4375], class: 2, logit: 3 },
      { ...object, logit: 2 },
    ];
    const [merged] = await regionsOf((graph) => {
      const layers = new RegionLayers(graph);
      return layers.merge(constantRegions(graph, [object]), layers.withoutDuplicates(constantRegions(graph, twice)));
    });
    assert.deepEqual(merged, { box: [0, 0, 0.5, round(0.46875)], class: 2, logit: 2 });
  });
});

describe('the regions of CenterNet', () => {
  it('are the peaks of the highest class, each with its box', async () => {
    const found = await regionsOf((graph) => {
      const heatmap = constantMap(graph, [classCount, 128, 128], -9, [
        [4, 10, 20, 1],
        // Beside a higher one, of another class: no peak.
        [5, 11, 21, 0.5],
        [6, 127, 0, 0.25],
      ]);
      const sizes = constantMap(graph, [4, 128, 128], 0, [
        [0, 10, 20, 8],
        [1, 10, 20, 16],
        [2, 10, 20, 32],
        [3, 10, 20, 64],
        [2, 127, 0, 600],
      ]);
      return centerNetRegions(graph, { heatmap, sizes }, 2);
    });
    assert.deepEqual(found, [
      { box: [72, 24, 112, 104].map((pixels) => round(pixels / 512)), class: 4, logit: 1 },
      { box: [0, round(508 / 512), 1, round(508 / 512)], class: 6, logit: 0.25 },
    ]);
  });

  it('are shares of width and height in pictures that are no squares', async () => {
    for (const [rows, columns] of [
      [88, 128],
      [128, 96],
    ] as const) {
      const [found] = await regionsOf((graph) => {
        const heatmap = constantMap(graph, [classCount, rows, columns], -9, [[4, 60, 50, 1]]);
        const distances = [8, 16, 32, 64].map((pixels, edge) => [edge, 60, 50, pixels] as const);
        return centerNetRegions(graph, { heatmap, sizes: constantMap(graph, [4, rows, columns], 0, distances) }, 1);
      });
      const [width, height] = [4 * columns, 4 * rows];
      const box = [192 / width, 224 / height, 232 / width, 304 / height].map(round);
      assert.deepEqual(found, { box, class: 4, logit: 1 });
    }
  });
});

describe('the regions of NanoDet', () => {
  it('are read from distributions over distances, at the stride of their map', async () => {
    const found = await regionsOf((graph) => {
      const edge = (side: number, bin: number) => classCount + 11 * side + bin;
      const maps = [52, 26, 13].map((cells, level) => {
        // The left edge half way between one cell and two, the upper one at one, the others three away.
        const certain: [number, number, number, number][] = [
          [9, 6, 5, level === 1 ? 2 : -5],
          [edge(0, 1), 6, 5, 50],
          [edge(0, 2), 6, 5, 50],
          [edge(1, 1), 6, 5, 50],
          [edge(2, 3), 6, 5, 50],
          [edge(3, 3), 6, 5, 50],
        ];
        return constantMap(graph, [classCount + 44, cells, cells], -9, certain);
      });
      return nanoDetRegions(graph, maps, graph.int64([2], [416, 416]), 2);
    });
    const expected = [4, 5.5, 8.5, 9.5].map((cells) => round((cells * 16) / 416));
    assert.deepEqual(found[0], { box: expected, class: 9, logit: 2 });
    assert.equal(found[1]?.logit, -5);
  });

  it('are shares of the picture, without what pads it, on each map', async () => {
    // 512 × 352 pixels times 0.8125 are 416 × 286, padded to 416 × 288.
    const [height, width] = [286, 416];
    for (const [level, stride] of [8, 16, 32].entries()) {
      const [found] = await regionsOf((graph) => {
        const maps = [8, 16, 32].map((pixels, index) => {
          const distances = [1, 2, 3, 4].map((cells, edge) => [classCount + 11 * edge + cells, 4, 6, 50] as const);
          const certain = [[9, 4, 6, index === level ? 2 : -5], ...distances] as const;
          return constantMap(graph, [classCount + 44, 288 / pixels, 416 / pixels], -9, certain);
        });
        return nanoDetRegions(graph, maps, graph.int64([2], [height, width]), 1);
      });
      const box = [5.5 / width, 2.5 / height, 9.5 / width, 8.5 / height].map((share) =>
        round(Math.min(1, share * stride)),
      );
      assert.deepEqual(found, { box, class: 9, logit: 2 });
    }
  });
});
