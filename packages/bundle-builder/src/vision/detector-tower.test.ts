import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, it } from 'node:test';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import type { Model } from '../onnx/model.js';
import { serializeModel } from '../onnx/serialization.js';
import { readWeightFile } from '../weights.js';
import {
  detectorTower,
  detectorTowerWithRawOutputs,
  readDetectorModels,
  type DetectorModels,
} from './detector-tower.js';
import { syntheticImage } from './synthetic-image.js';

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
  let models: DetectorModels;
  let raw: Record<string, Tensor>;
  let decoded: Record<string, Tensor>;

  before(async () => {
    models = await readDetectorModels();
    raw = await run(detectorTowerWithRawOutputs(models), pixels);
    decoded = await run(detectorTower(models), pixels);
  });

  it('computes what TensorFlow.js computes of both networks', async () => {
    const centerNet = await tensorflowOutputs(
      await readWeightFile('@vladmandic/human', 'models/centernet.json'),
      await readWeightFile('@vladmandic/human', 'models/centernet.bin'),
      { values: Float32Array.from(pixels), shape: [1, 512, 512, 3] },
      ['tower_0/CenternetHead/centernet_cls_output/BiasAdd', 'tower_0/wh'],
    );
    const nanoDet = await tensorflowOutputs(
      await readWeightFile('human-nanodet', 'models/nanodet.json'),
      await readWeightFile('human-nanodet', 'models/nanodet.bin'),
      { values: floats(raw.nano_det_input), shape: [1, 3, 416, 416] },
      ['PartitionedCall/Add_29', 'PartitionedCall/Add_33', 'PartitionedCall/Add_37'],
    );
    const names = ['heatmap', 'sizes', 'level_0', 'level_1', 'level_2'];
    for (const [index, expected] of [...centerNet, ...nanoDet].entries()) {
      const name = names[index] ?? '';
      const actual = floats(raw[name]);
      const [, channels = 0, height = 0, width = 0] = raw[name]?.dims ?? [];
      assert.equal(actual.length, expected.length);
      let worst = 0;
      for (const [position, value] of expected.entries()) {
        const cell = Math.floor(position / channels);
        const counterpart = actual[(position % channels) * height * width + cell] ?? NaN;
        const error = Math.abs(counterpart - value) / Math.max(1, Math.abs(value));
        if (!(error <= worst)) worst = error;
      }
      assert.ok(worst <= 1e-4, `${name} is off by ${worst}`);
    }
  });

  it('shows NanoDet the image at its size, blue first, as it was normalised in training', () => {
    const input = floats(raw.nano_det_input);
    // In an even area resizing changes nothing: the synthetic image's corner.
    const [red = 0, green = 0, blue = 0] = pixels;
    const plane = 416 * 416;
    const expected = [(blue - 103.53) / 57.375, (green - 116.28) / 57.12, (red - 123.675) / 58.395];
    for (const [channel, value] of expected.entries()) {
      assert.ok(Math.abs((input[channel * plane] ?? NaN) - value) < 0.1, `channel ${channel}`);
    }
  });

  it('reports the highest class scores of its regions as detections', () => {
    const regionBoxes = floats(decoded.region_boxes);
    const classScores = floats(decoded.region_class_scores);
    const best = Array.from(classScores.entries()).sort(([i, a], [j, b]) => b - a || i - j);
    const expected = best.slice(0, 100);
    assert.deepEqual(
      Array.from(floats(decoded.scores)),
      expected.map(([, score]) => score),
    );
    assert.deepEqual(
      decoded.classes?.data,
      BigInt64Array.from(expected, ([index]) => BigInt(index % 80)),
    );
    assert.deepEqual(
      Array.from(floats(decoded.boxes)),
      expected.flatMap(([index]) => Array.from(regionBoxes.subarray(Math.floor(index / 80) * 4).subarray(0, 4))),
    );
  });

  it('finds in each image of a batch what it finds in it alone', async () => {
    const other = pixels.map((value) => 255 - value);
    const alone = [decoded, await run(detectorTower(models), other)];
    const numbers = (tensor: Tensor | undefined) => Array.from((tensor?.data ?? []) as ArrayLike<unknown>, Number);
    for (const [name, tensor] of Object.entries(await run(detectorTower(models), pixels, other))) {
      assert.deepEqual(tensor.dims.slice(0, 2), [2, 100]);
      const expected = alone.flatMap((outputs) => numbers(outputs[name]));
      const worst = Math.max(...numbers(tensor).map((value, index) => Math.abs(value - (expected[index] ?? NaN))));
      assert.ok(worst <= 1e-4, `${name} is off by ${worst}`);
    }
  });
});

/** What this test needs of TensorFlow.js, which `@energetic-ai/core` bundles without its type declarations. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): unknown;
  readonly io: { fromMemory(artifacts: object): unknown };
  loadGraphModel(handler: unknown): Promise<{
    execute(input: unknown, outputs: readonly string[]): readonly { dataSync(): Float32Array }[];
  }>;
}

async function tensorflowOutputs(
  topology: Buffer,
  weightData: Buffer,
  { values, shape }: { readonly values: Float32Array; readonly shape: readonly number[] },
  names: string[],
): Promise<Float32Array[]> {
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
  const input = tensorflow.tensor(values, shape);
  return model.execute(input, names).map((tensor) => tensor.dataSync());
}
