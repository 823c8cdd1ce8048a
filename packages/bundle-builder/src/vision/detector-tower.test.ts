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

/** Height and width. */
type Size = readonly [height: number, width: number];

const square: Size = [512, 512];
const pixels = syntheticImage(...square);

async function run(model: Model, size: Size, ...images: Uint8Array[]): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(serializeModel(model));
  const image = new Tensor('uint8', Buffer.concat(images), [images.length, ...size, 3]);
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
  let raw: Model;
  let decoded: Record<string, Tensor>;

  before(async () => {
    models = await readDetectorModels();
    raw = detectorTowerWithRawOutputs(models);
    decoded = await run(detectorTower(models), square, pixels);
  });

  const sizes: readonly (readonly [image: Size, nanoDet: Size])[] = [
    [square, [416, 416]],
    [
      [352, 512],
      [288, 416],
    ],
    [
      [512, 384],
      [416, 320],
    ],
  ];
  for (const [size, nanoDetSize] of sizes) {
    it(`computes what TensorFlow.js computes of both networks at ${size.join(' × ')} pixels`, async () => {
      const image = syntheticImage(...size);
      const outputs = await run(raw, size, image);
      const centerNet = await tensorflowOutputs(
        await readWeightFile('@vladmandic/human', 'models/centernet.json'),
        await readWeightFile('@vladmandic/human', 'models/centernet.bin'),
        { values: Float32Array.from(image), shape: [1, ...size, 3], growth: size.map((side) => side / 512) },
        ['tower_0/CenternetHead/centernet_cls_output/BiasAdd', 'tower_0/wh'],
      );
      const nanoDet = await tensorflowOutputs(
        await readWeightFile('human-nanodet', 'models/nanodet.json'),
        await readWeightFile('human-nanodet', 'models/nanodet.bin'),
        {
          values: floats(outputs.nano_det_input),
          shape: [1, 3, ...nanoDetSize],
          growth: nanoDetSize.map((side) => side / 416),
        },
        ['PartitionedCall/Add_29', 'PartitionedCall/Add_33', 'PartitionedCall/Add_37'],
      );
      const names = ['heatmap', 'sizes', 'level_0', 'level_1', 'level_2'];
      for (const [index, expected] of [...centerNet, ...nanoDet].entries()) {
        const name = names[index] ?? '';
        const actual = floats(outputs[name]);
        const [, channels = 0, height = 0, width = 0] = outputs[name]?.dims ?? [];
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
  }

  it('shows NanoDet the image at its size, blue first, as it was normalised in training', async () => {
    const input = floats((await run(raw, square, pixels)).nano_det_input);
    // In an even area resizing changes nothing: the synthetic image's corner.
    const [red = 0, green = 0, blue = 0] = pixels;
    const plane = 416 * 416;
    const expected = [(blue - 103.53) / 57.375, (green - 116.28) / 57.12, (red - 123.675) / 58.395];
    for (const [channel, value] of expected.entries()) {
      assert.ok(Math.abs((input[channel * plane] ?? NaN) - value) < 0.1, `channel ${channel}`);
    }
  });

  it('pads what NanoDet reads with zeros to the right and below', async () => {
    const grey = new Uint8Array(288 * 352 * 3).fill(200);
    const { nano_det_input: input } = await run(raw, [288, 352], grey);
    assert.deepEqual(input?.dims, [1, 3, 256, 288]);
    const values = floats(input);
    for (const [index, value] of values.entries()) {
      const [x, y] = [index % 288, Math.floor(index / 288) % 256];
      // 288 × 352 pixels times 0.8125.
      assert.equal(value !== 0, y < 234 && x < 286, `column ${x}, row ${y}`);
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
    const alone = [decoded, await run(detectorTower(models), square, other)];
    const numbers = (tensor: Tensor | undefined) => Array.from((tensor?.data ?? []) as ArrayLike<unknown>, Number);
    for (const [name, tensor] of Object.entries(await run(detectorTower(models), square, pixels, other))) {
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

/** What this test reads of a published file. */
interface TensorflowFile {
  readonly modelTopology: {
    readonly node: readonly { op: string; input?: readonly string[]; attr?: { shape?: unknown } }[];
  };
  readonly weightsManifest: readonly {
    readonly weights: readonly { name: string; shape: readonly number[]; quantization?: unknown }[];
  }[];
}

interface TensorflowInput {
  readonly values: Float32Array;
  readonly shape: readonly number[];
  /** Its height and width, in those that the published file states. */
  readonly growth: readonly number[];
}

async function tensorflowOutputs(
  topology: Buffer,
  weightData: Buffer,
  { values, shape, growth }: TensorflowInput,
  names: string[],
): Promise<Float32Array[]> {
  const tensorflow = createRequire(import.meta.url)('@energetic-ai/core') as TensorFlow;
  assert.ok(await tensorflow.setBackend('wasm'));
  const { modelTopology, weightsManifest } = JSON.parse(topology.toString()) as TensorflowFile;
  const weightSpecs = weightsManifest[0]?.weights ?? [];
  const weights = new Uint8Array(weightData).buffer;
  // The file states the sizes of its input and of what it resizes; they grow with the input.
  for (const { op, attr } of modelTopology.node) if (op === 'Placeholder') delete attr?.shape;
  const resized = new Set(modelTopology.node.flatMap(({ op, input }) => (op === 'ResizeBilinear' ? input?.[1] : [])));
  let offset = 0;
  for (const { name, shape: dims, quantization } of weightSpecs) {
    const count = dims.reduce((product, size) => product * size, 1);
    if (resized.has(name)) {
      const sizes = new DataView(weights, offset, 8);
      for (const [axis, factor] of growth.entries()) {
        sizes.setInt32(4 * axis, factor * sizes.getInt32(4 * axis, true), true);
      }
    }
    offset += count * (quantization === undefined ? 4 : 2);
  }
  const artifacts = { modelTopology, weightSpecs, weightData: weights };
  const model = await tensorflow.loadGraphModel(tensorflow.io.fromMemory(artifacts));
  const input = tensorflow.tensor(values, shape);
  return model.execute(input, names).map((tensor) => tensor.dataSync());
}
