import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { BUNDLE_SCHEMA, ClassDetectorSettings, type BundleManifest, type GraphContract } from '@tessera/contracts';
import { Value } from 'typebox/value';

const vectors = new URL('../test-vectors/', import.meta.url);

const contracts = JSON.parse(readFileSync(new URL('graphs.json', vectors), 'utf8')) as Record<string, GraphContract>;

/** What a graph of `test-vectors` takes and gives. */
export function testContract(graph: string): GraphContract {
  const contract = contracts[graph];
  if (contract === undefined) throw new Error(`there is no graph "${graph}"`);
  return structuredClone(contract);
}

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
    ['external.onnx.data', await readFile(new URL('external.onnx.data', vectors))],
  ]);
  for (const name of Object.keys(contracts)) {
    contents.set(`${name}.onnx`, await readFile(new URL(`${name}.onnx`, vectors)));
  }
  const manifest: BundleManifest = {
    schema: BUNDLE_SCHEMA,
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
  for (const name of Object.keys(contracts)) {
    manifest.graphs[name] = { file: `${name}.onnx`, ...testContract(name) };
  }
  change(manifest);
  await writeFile(path.join(directory, 'bundle.json'), JSON.stringify(manifest));
}
