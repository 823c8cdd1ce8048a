import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Model } from '../onnx/model.js';
import { serializeModel } from '../onnx/serialization.js';
import type { TfjsGraphModel } from '../tfjs/graph-model.js';
import { readCenterNet } from '../vision/center-net.js';
import { syntheticImage } from '../vision/synthetic-image.js';
import { imageEncoder, imageTower, type TowerCut } from './image-encoder.js';
import { readTrainedWeights, trainedWeightsDirectory } from './trained-weights.js';

const skip = existsSync(trainedWeightsDirectory)
  ? false
  : 'the dual encoder is not trained yet; see training/README.md';

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(serializeModel(model));
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

function floats(tensor: Tensor | undefined): Float32Array {
  assert.ok(tensor?.data instanceof Float32Array);
  return tensor.data;
}

describe('the image encoder', { skip }, () => {
  let tower: TfjsGraphModel;
  let head: Model;
  let cut: TowerCut;

  before(async () => {
    tower = await readCenterNet();
    const { description, imageHead } = await readTrainedWeights();
    head = imageHead;
    cut = { imageSize: description.image_size, features: description.tower, pixels: description.pixels };
  });

  it('computes what tower and head compute one after the other', async () => {
    const { imageSize: size } = cut;
    const images = [syntheticImage(size, size), syntheticImage(size, size).map((value) => 255 - value)];
    const pixels = Uint8Array.from(images.flatMap((image) => [...image]));
    const feeds = { pixels: new Tensor('uint8', pixels, [images.length, size, size, 3]) };
    const merged = floats((await run(imageEncoder(tower, head, cut), feeds)).image_embeds);
    const apart = await run(imageTower(tower, cut, head.operatorSets['']), feeds);
    const headFeeds = head.graph.inputs.map(({ name }) => [name, apart[`head/${name}`] ?? assert.fail(name)]);
    const expected = floats((await run(head, Object.fromEntries(headFeeds) as Record<string, Tensor>)).image_embeds);

    assert.equal(merged.length, expected.length);
    assert.equal(merged.length % images.length, 0);
    const scale = Math.max(...expected.map(Math.abs));
    const worst = Math.max(...merged.map((value, index) => Math.abs(value - (expected[index] ?? NaN)))) / scale;
    assert.ok(worst <= 1e-4, `off by ${worst} of the largest value`);
    const width = merged.length / images.length;
    assert.notDeepEqual(merged.slice(0, width), merged.slice(width));
  });

  it('refuses a head with an input that nothing feeds', () => {
    assert.throws(() => imageEncoder(tower, head, { ...cut, pixels: 'other' }), /unknown value "head\/pixels"/);
  });
});
