import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphContract } from '@tessera/contracts';
import { InferenceSession } from 'onnxruntime-node';
import { buildBaselineBundle } from './baseline/build-baseline-bundle.js';
import type { BundleContent } from './bundle-directory.js';
import { buildDualEncoderBundle } from './dual-encoder/build-dual-encoder-bundle.js';
import { readGraphContracts } from './graph-contracts.js';
import { buildReasonerBundle } from './reasoner/build-reasoner-bundle.js';

/** What ONNX Runtime says that a graph takes and gives. */
async function loaded(bytes: Uint8Array | undefined): Promise<Pick<GraphContract, 'inputs' | 'outputs'>> {
  assert.ok(bytes);
  const session = await InferenceSession.create(bytes);
  const tensors = (values: readonly InferenceSession.ValueMetadata[]) =>
    Object.fromEntries(
      values.map((value) => {
        assert.ok(value.isTensor);
        return [value.name, { dtype: value.type, shape: value.shape }];
      }),
    ) as GraphContract['inputs'];
  const contract = { inputs: tensors(session.inputMetadata), outputs: tensors(session.outputMetadata) };
  await session.release();
  return contract;
}

async function assertLoads({ manifest, files }: BundleContent, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const graph = manifest.graphs[name];
    assert.ok(graph, name);
    const { inputs, outputs } = graph;
    assert.deepEqual(await loaded(files[graph.file]), { inputs, outputs }, name);
  }
}

test('the runtime loads every graph of tessera-baseline and tessera-mini as the manifest describes it', async () => {
  const baseline = await buildBaselineBundle();
  await assertLoads(baseline, ['detector', 'image_encoder', 'mask_decoder', 'text_encoder']);
  await assertLoads(await buildReasonerBundle(baseline), ['reasoner']);
});

test('the runtime loads every graph of tessera-dual as the manifest describes it', async () => {
  await assertLoads(await buildDualEncoderBundle(), ['image_encoder', 'text_encoder', 'soft_prompt_step']);
});

test('a contract that a file lacks is named', async () => {
  const file = new URL('reasoner/graphs.json', import.meta.url);
  await assert.rejects(readGraphContracts(file, ['reasoner', 'oracle']), /graphs\.json has no graph "oracle"/);
});
