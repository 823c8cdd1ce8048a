import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InferenceSession } from 'onnxruntime-node';

import { buildVisionGraphs } from './vision-graphs.js';

test('the runtime loads every graph, with the inputs and outputs that the bundle names', async () => {
  const graphs = await buildVisionGraphs();
  const names: Record<string, readonly [readonly string[], readonly string[]]> = {};
  for (const [graph, bytes] of Object.entries(graphs)) {
    const session = await InferenceSession.create(bytes as Uint8Array);
    names[graph] = [session.inputNames, session.outputNames];
    await session.release();
  }
  assert.deepEqual(names, {
    detector: [['image'], ['boxes', 'scores', 'classes', 'region_boxes', 'region_class_scores']],
    imageEncoder: [['image'], ['embedding']],
    maskDecoder: [
      ['embedding', 'boxes'],
      ['low_res_masks', 'iou'],
    ],
  });
});
