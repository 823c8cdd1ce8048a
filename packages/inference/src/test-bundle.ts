import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { ClassDetectorSettings, type BundleManifest } from '@tessera/contracts';
import { Value } from 'typebox/value';

const vectors = new URL('../test-vectors/', import.meta.url);

const graphNames = {
  normalize: { inputs: ['image', 'gain'], outputs: ['features', 'mean'] },
  product: { inputs: ['left', 'right'], outputs: ['product'] },
  increment: { inputs: ['numbers', 'flags'], outputs: ['incremented', 'flipped'] },
  echo: { inputs: ['bytes', 'floats'], outputs: ['bytes_back', 'floats_back'] },
  halves: { inputs: ['halves'], outputs: ['doubled', 'doubled_float'] },
  reshape: { inputs: ['floats', 'shape'], outputs: ['reshaped'] },
  countdown: { inputs: ['iterations'], outputs: ['total'] },
};

/** A directory that goes away with the test. */
export async function temporaryDirectory(test: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tessera-inference-'));
  test.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a bundle with all graphs of `test-vectors` and a manifest that is true unless `change` makes it lie. */
export async function writeTestBundle(
  directory: string,
  change: (manifest: BundleManifest) => unknown = () => undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const contents = new Map<string, Uint8Array>([
    ['classes.json', Buffer.from('[]')],
    ['tokenizer.json', Buffer.from('{}')],
  ]);
  for (const name of Object.keys(graphNames)) {
    contents.set(`${name}.onnx`, await readFile(new URL(`${name}.onnx`, vectors)));
  }
  const manifest: BundleManifest = {
    schema: 1,
    name: 'test-bundle',
    version: '1',
    description: 'Graphs for tests',
    license: 'Apache-2.0',
    built_from: '',
    provenance: [],
    files: {},
    graphs: {},
    task: 'segmentation',
    pipeline: 'class-detector',
    settings: Value.Create(ClassDetectorSettings),
  };
  for (const [name, content] of contents) {
    await writeFile(path.join(directory, name), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    manifest.files[name] = { sha256, bytes: content.byteLength };
  }
  for (const [name, { inputs, outputs }] of Object.entries(graphNames)) {
    manifest.graphs[name] = { file: `${name}.onnx`, inputs: [...inputs], outputs: [...outputs] };
  }
  change(manifest);
  await writeFile(path.join(directory, 'bundle.json'), JSON.stringify(manifest));
}
