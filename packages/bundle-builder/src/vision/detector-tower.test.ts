import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, it } from 'node:test';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import type { Model } from '../onnx/model.js';
import { serializeModel } from '../onnx/serialization.js';
import type { TfjsGraphModel } from '../tfjs/graph-model.js';
import { parseGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { detectorTower, detectorTowerWithRawOutputs } from './detector-tower.js';
import { syntheticImage } from './synthetic-image.js';

const gridSize = 128;
const cellCount = gridSize * gridSize;
const pixels = syntheticImage(512, 512);

async function run(model: Model, ...images: Uint8Array[]): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(serializeModel(model));
  const image = new Tensor('uint8', Buffer.concat(images), [images.length, 512, 512, 3]);
  const outputs = await session.run({ image });
  await session.release();
  return outputs;
}

function floats(tensor: Tensor | undefined): Float32Array {
  assert.ok(tensor?.data instanceof Float32Array);
  return tensor.data;
}

describe('the detector tower', () => {
  let topology: Buffer;
  let weightData: Buffer;
  let model: TfjsGraphModel;
  let raw: Record<string, Tensor>;
  let decoded: Record<string, Tensor>;

  before(async () => {
    topology = await readWeightFile('@vladmandic/human', 'models/centernet.json');
    weightData = await readWeightFile('@vladmandic/human', 'models/centernet.bin');
    model = parseGraphModel(topology.toString(), weightData);
    raw = await run(detectorTowerWithRawOutputs(model), pixels);
    decoded = await run(detectorTower(model), pixels);
  });

  it('computes what TensorFlow.js computes', async () => {
    const reference = await tensorflowOutputs(topology, weightData, [
      'tower_0/keypoints',
      'tower_0/wh',
      'tower_0/CenternetHead/mul',
    ]);
    for (const [index, name] of ['heatmap', 'sizes', 'neck'].entries()) {
      const expected = reference[index] ?? new Float32Array();
      const actual = floats(raw[name]);
      const channels = actual.length / cellCount;
      assert.equal(actual.length, expected.length);
      let worst = 0;
      for (const [position, value] of expected.entries()) {
        const counterpart = actual[(position % channels) * cellCount + Math.floor(position / channels)] ?? NaN;
        const error = Math.abs(counterpart - value) / Math.max(1, Math.abs(value));
        if (!(error <= worst)) worst = error;
      }
      assert.ok(worst <= 1e-4, `${name} is off by ${worst}`);
    }
  });

  it('reports the highest peaks per class with their boxes', () => {
    const peaks = highestPeaks(floats(raw.heatmap), 100);
    assert.deepEqual(
      Array.from(floats(decoded.scores)),
      peaks.map(({ score }) => score),
    );
    assert.deepEqual(
      decoded.classes?.data,
      BigInt64Array.from(peaks, ({ channel }) => BigInt(channel)),
    );
    assertBoxes(floats(decoded.boxes), peaks);
  });

  it('reports the highest peaks of any class with all their class scores', () => {
    const heatmap = floats(raw.heatmap);
    const bestClass = Float32Array.from({ length: cellCount }, (_, cell) => {
      let best = 0;
      for (let index = cell; index < heatmap.length; index += cellCount) best = Math.max(best, heatmap[index] ?? 0);
      return best;
    });
    const peaks = highestPeaks(bestClass, 100);
    assertBoxes(floats(decoded.region_boxes), peaks);
    assert.deepEqual(
      Array.from(floats(decoded.region_class_scores)),
      peaks.flatMap(({ cell }) => Array.from({ length: 80 }, (_, channel) => heatmap[channel * cellCount + cell])),
    );
  });

  it('finds in each image of a batch what it finds in it alone', async () => {
    const other = pixels.map((value) => 255 - value);
    const alone = [decoded, await run(detectorTower(model), other)];
    const numbers = (tensor: Tensor | undefined) => Array.from((tensor?.data ?? []) as ArrayLike<unknown>, Number);
    for (const [name, tensor] of Object.entries(await run(detectorTower(model), pixels, other))) {
      assert.deepEqual(tensor.dims.slice(0, 2), [2, 100]);
      const expected = alone.flatMap((outputs) => numbers(outputs[name]));
      const worst = Math.max(...numbers(tensor).map((value, index) => Math.abs(value - (expected[index] ?? NaN))));
      assert.ok(worst <= 1e-4, `${name} is off by ${worst}`);
    }
  });

  function assertBoxes(boxes: Float32Array, peaks: readonly Peak[]): void {
    const sizes = floats(raw.sizes);
    assert.equal(boxes.length, peaks.length * 4);
    for (const [index, { cell }] of peaks.entries()) {
      const x = cell % gridSize;
      const y = Math.floor(cell / gridSize);
      for (const [corner, centre] of [x, y, x, y].entries()) {
        const distance = (sizes[corner * cellCount + cell] ?? NaN) * (corner < 2 ? -1 : 1);
        const expected = Math.min(1, Math.max(0, (4 * centre + distance) / 512));
        assert.ok(Math.abs((boxes[index * 4 + corner] ?? NaN) - expected) < 1e-5);
      }
    }
  }
});

interface Peak {
  readonly score: number;
  readonly channel: number;
  readonly cell: number;
}

function highestPeaks(heatmap: Float32Array, count: number): Peak[] {
  const peaks: Peak[] = [];
  for (const [index, score] of heatmap.entries()) {
    const cell = index % cellCount;
    const isPeak = neighbours(cell).every((neighbour) => (heatmap[index - cell + neighbour] ?? 0) <= score);
    if (isPeak) peaks.push({ score, channel: Math.floor(index / cellCount), cell });
  }
  return peaks.sort((one, other) => other.score - one.score).slice(0, count);
}

function neighbours(cell: number): number[] {
  const x = cell % gridSize;
  const y = Math.floor(cell / gridSize);
  const result: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(gridSize - 1, y + 1); row += 1) {
    for (let column = Math.max(0, x - 1); column <= Math.min(gridSize - 1, x + 1); column += 1) {
      result.push(row * gridSize + column);
    }
  }
  return result;
}

/** What this test needs of TensorFlow.js, which `@energetic-ai/core` bundles without its type declarations. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): unknown;
  readonly io: { fromMemory(artifacts: object): unknown };
  loadGraphModel(handler: unknown): Promise<{
    execute(input: unknown, outputs: readonly string[]): readonly { dataSync(): Float32Array }[];
  }>;
}

async function tensorflowOutputs(topology: Buffer, weightData: Buffer, names: string[]): Promise<Float32Array[]> {
  const tensorflow = createRequire(import.meta.url)('@energetic-ai/core') as TensorFlow;
  assert.ok(await tensorflow.setBackend('wasm'));
  const { modelTopology, weightsManifest } = JSON.parse(topology.toString()) as {
    modelTopology: unknown;
    weightsManifest: readonly { weights: unknown }[];
  };
  const artifacts = {
    modelTopology,
    weightSpecs: weightsManifest[0]?.weights,
    weightData: new Uint8Array(weightData).buffer,
  };
  const model = await tensorflow.loadGraphModel(tensorflow.io.fromMemory(artifacts));
  const input = tensorflow.tensor(Float32Array.from(pixels), [1, 512, 512, 3]);
  return model.execute(input, names).map((tensor) => tensor.dataSync());
}
