import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BundleManifest, GraphContract } from '@tessera/contracts';
import { BundleError, bundleOnCuda, isBundleOf, loadBundle, loadBundles } from './bundle.js';
import { temporaryDirectory, writeTestBundle } from './test-bundle.js';

async function bundleDirectory(t: TestContext, change?: (manifest: BundleManifest) => unknown): Promise<string> {
  const directory = path.join(await temporaryDirectory(t), 'bundle');
  await writeTestBundle(directory, change);
  return directory;
}

async function assertRefused(directory: string, ...parts: (string | RegExp)[]): Promise<void> {
  await assert.rejects(loadBundle(directory), (error) => {
    assert.ok(error instanceof BundleError);
    for (const part of parts) assert.match(error.message, typeof part === 'string' ? new RegExp(part) : part);
    return true;
  });
}

test('a bundle that is what its manifest says is loaded and its files can be read', async (t) => {
  const bundle = await loadBundle(await bundleDirectory(t));
  assert.equal(bundle.manifest.name, 'test-bundle');
  assert.deepEqual(Buffer.from(await bundle.readFile('classes.json')), Buffer.from('[]'));
  await assert.rejects(bundle.readFile('bundle.json'), BundleError);
  await assert.rejects(bundle.readFile('../bundle/classes.json'), BundleError);
});

test('a directory that does not exist', async (t) => {
  await assertRefused(path.join(await temporaryDirectory(t), 'none'), 'none does not exist', 'npm run models');
});

test('a manifest that is no JSON', async (t) => {
  const directory = await bundleDirectory(t);
  await writeFile(path.join(directory, 'bundle.json'), '{"schema": 1,');
  await assertRefused(directory, 'bundle.json is not readable JSON', 'npm run models');
});

test('a manifest of another shape names every finding', async (t) => {
  const directory = await bundleDirectory(t, (manifest) =>
    Object.assign(manifest, { schema: 'two', version: 7, extra: 1 }),
  );
  await assertRefused(directory, '/schema must', '/version must be string', 'additional properties');
});

test('a manifest of an older schema asks for a new build', async (t) => {
  const graphs = { echo: { file: 'echo.onnx', inputs: ['bytes', 'floats'], outputs: ['bytes_back', 'floats_back'] } };
  const directory = await bundleDirectory(t, (manifest) => Object.assign(manifest, { schema: 1, graphs }));
  await assertRefused(directory, 'bundle.json has schema 1, this version reads schema 3', 'npm run models');
});

test('a graph for CUDA is checked as the others are, and has its own hash', async (t) => {
  const tensor = { dtype: 'float32' as const, shape: ['count'] };
  const onCuda = { file: 'product.onnx', inputs: { row: tensor }, outputs: { row: tensor } };
  const bundle = await loadBundle(
    await bundleDirectory(t, ({ graphs }) => {
      graphs.echo = { file: 'echo.onnx', inputs: {}, outputs: {}, cuda: onCuda };
    }),
  );
  const { files, graphs } = bundle.manifest;
  assert.equal(bundle.graphHash('echo'), files['echo.onnx']?.sha256);
  assert.equal(bundle.graphHash('echo', 'cuda'), files['product.onnx']?.sha256);
  assert.throws(() => bundle.graphHash('product', 'cuda'), /has no graph "product" for cuda/);
  const moved = bundleOnCuda(bundle);
  assert.deepEqual(moved.manifest.graphs, { ...graphs, echo: onCuda });
  assert.equal(moved.graphHash('echo'), files['product.onnx']?.sha256);
  assert.equal(moved.graphHash('product'), bundle.graphHash('product'));

  const unlisted = await bundleDirectory(t, (manifest) => {
    manifest.graphs.echo = { file: 'echo.onnx', inputs: {}, outputs: {}, cuda: { ...onCuda, file: 'other.onnx' } };
  });
  await assertRefused(unlisted, 'graph "echo" is in other.onnx, which "files" does not list');
  const withoutRows = await bundleDirectory(t, (manifest) => {
    manifest.graphs.echo = { file: 'echo.onnx', inputs: {}, outputs: {}, cuda: { ...onCuda, batch: 'batch' } };
  });
  await assertRefused(withoutRows, 'graph "echo": not output "row" has the batch dimension');
});

test('the batch dimension is the first of every output and of an input', async (t) => {
  const graphs: [Partial<GraphContract>, RegExp][] = [
    [{ outputs: { sum: { dtype: 'float32', shape: [] } } }, /graph "echo": not output "sum" has the batch/],
    [{ inputs: { row: { dtype: 'float32', shape: [3] } } }, /graph "echo": no input has the batch dimension "count"/],
    [
      { inputs: { row: { dtype: 'float32', shape: ['count', 'count'] } } },
      /graph "echo": the batch dimension "count" is not the first of "row"/,
    ],
  ];
  for (const [change, message] of graphs) {
    const rows = { rows: { dtype: 'float32' as const, shape: ['count'] } };
    const directory = await bundleDirectory(t, (manifest) => {
      manifest.graphs.echo = { file: 'echo.onnx', inputs: rows, outputs: rows, batch: 'count', ...change };
    });
    await assertRefused(directory, message);
  }
});

test('a manifest is judged by the pipeline that it names', async (t) => {
  const composition = await bundleDirectory(t, (manifest) =>
    Object.assign(manifest, { task: 'composition', pipeline: 'dual-encoder' }),
  );
  await assertRefused(composition, '/settings must have required properties image_size', /^((?!\/task).)*$/s);
  const unknown = await bundleDirectory(t, (manifest) => Object.assign(manifest, { pipeline: 'oracle' }));
  await assertRefused(unknown, '/pipeline must be equal to constant');
});

test('a bundle is of its own pipeline alone', async (t) => {
  const bundle = await loadBundle(await bundleDirectory(t));
  assert.equal(isBundleOf(bundle, 'class-detector'), true);
  assert.equal(isBundleOf(bundle, 'dual-encoder'), false);
});

test('a manifest that is a directory, and one beyond all measure', async (t) => {
  const directory = await bundleDirectory(t);
  await truncate(path.join(directory, 'bundle.json'), 5 * 1024 * 1024);
  await assertRefused(directory, 'has 5242880 bytes');
  await rm(path.join(directory, 'bundle.json'));
  await mkdir(path.join(directory, 'bundle.json'));
  await assertRefused(directory, 'no file bundle.json');
});

test('a file with another content of the same size', async (t) => {
  const directory = await bundleDirectory(t);
  await writeFile(path.join(directory, 'classes.json'), '{}');
  await assertRefused(directory, 'Bundle "test-bundle"', 'classes.json has sha256', 'npm run models');
});

test('a file of another size', async (t) => {
  const directory = await bundleDirectory(t);
  await truncate(path.join(directory, 'echo.onnx'), 100);
  await assertRefused(directory, /echo\.onnx has 100 bytes instead of \d+/, 'npm run models');
});

test('a file that is missing', async (t) => {
  const directory = await bundleDirectory(t);
  await rm(path.join(directory, 'echo.onnx'));
  await assertRefused(directory, 'echo.onnx is missing', 'npm run models');
});

test('a directory instead of a file', async (t) => {
  const directory = await bundleDirectory(t);
  await rm(path.join(directory, 'echo.onnx'));
  await mkdir(path.join(directory, 'echo.onnx'));
  await assertRefused(directory, 'echo.onnx is not a file');
});

test('a file name that leads out of the bundle', async (t) => {
  for (const name of ['../outside', '/etc/hostname', 'a/../../outside', '..', '.', '', 'a\0b', '__proto__/../../x']) {
    const directory = await bundleDirectory(t, (manifest) => {
      manifest.files[name] = { sha256: '0'.repeat(64), bytes: 0 };
    });
    await assertRefused(directory, 'leads out of the bundle');
  }
});

test('a link that leads out of the bundle', async (t) => {
  const directory = await bundleDirectory(t);
  await writeFile(path.join(directory, '..', 'outside'), '[]');
  await rm(path.join(directory, 'classes.json'));
  await symlink('../outside', path.join(directory, 'classes.json'));
  await assertRefused(directory, 'classes.json is a link');
});

test('a graph in a file that is not listed', async (t) => {
  const directory = await bundleDirectory(t, (manifest) => {
    manifest.graphs.stray = { file: '../stray.onnx', inputs: {}, outputs: {} };
  });
  await assertRefused(directory, 'graph "stray" is in ../stray.onnx');
});

test('weights beside a graph have to be listed and inside of the bundle', async (t) => {
  const location = 'external.onnx.data';
  const rewrite = async (other: string) => {
    assert.equal(other.length, location.length, 'or the lengths in the file would be wrong');
    const graph = Buffer.from(await readFile(new URL('../test-vectors/external.onnx', import.meta.url)));
    graph.write(other, graph.indexOf(location));
    const directory = await bundleDirectory(t, ({ files }) => {
      const sha256 = createHash('sha256').update(graph).digest('hex');
      files['external.onnx'] = { sha256, bytes: graph.byteLength };
    });
    await writeFile(path.join(directory, 'external.onnx'), graph);
    return directory;
  };
  for (const outside of ['../../outside.data', '/etc/../etc/passwd', 'a/../../../b.data ', '../external.onnx.da']) {
    const directory = await rewrite(outside.padEnd(18).slice(0, 18));
    await assertRefused(directory, 'graph "external"', 'weights in .* are outside of the bundle');
  }
  await assertRefused(await rewrite('EXTERNAL.onnx.data'), 'graph "external"', '"files" does not list');
  // Where ONNX Runtime takes a location for an address in its memory.
  await assertRefused(await rewrite('*/_ORT_MEM_ADDR_/*'), 'graph "external"', '"files" does not list');

  const unlisted = await bundleDirectory(t, ({ files }) => Reflect.deleteProperty(files, location));
  await assertRefused(unlisted, 'graph "external"', '"files" does not list');
  const changed = await bundleDirectory(t);
  await writeFile(path.join(changed, location), Buffer.alloc(16));
  await assertRefused(changed, `${location} has sha256`);
});

test('a graph that is no ONNX file', async (t) => {
  const directory = await bundleDirectory(t, ({ graphs }) => {
    graphs.echo = { file: 'classes.json', inputs: {}, outputs: {} };
  });
  await assertRefused(directory, 'graph "echo": classes.json is not an ONNX file');
});

test('a graph with weights beside it has a hash of both', async (t) => {
  const bundle = await loadBundle(await bundleDirectory(t));
  assert.equal(bundle.graphHash('echo'), bundle.manifest.files['echo.onnx']?.sha256);
  assert.notEqual(bundle.graphHash('external'), bundle.manifest.files['external.onnx']?.sha256);
  assert.throws(() => bundle.graphHash('none'), BundleError);
});

test('a models directory gives its bundles by name and says what it ignored', async (t) => {
  const models = await temporaryDirectory(t);
  await writeTestBundle(path.join(models, 'one'), (manifest) => (manifest.name = 'zebra'));
  await writeTestBundle(path.join(models, 'two'), (manifest) => (manifest.name = 'ant'));
  await writeTestBundle(path.join(models, '.being-built'));
  await mkdir(path.join(models, 'notes'));
  await writeFile(path.join(models, 'README.md'), '');
  const { bundles, ignored } = await loadBundles(models);
  assert.deepEqual(
    bundles.map(({ manifest }) => manifest.name),
    ['ant', 'zebra'],
  );
  assert.deepEqual(ignored, [
    { directory: path.join(models, '.being-built'), reason: 'its name starts with a dot' },
    { directory: path.join(models, 'notes'), reason: 'it has no bundle.json' },
  ]);
});

test('two bundles of one name, and a models directory that does not exist', async (t) => {
  const models = await temporaryDirectory(t);
  await writeTestBundle(path.join(models, 'one'));
  await writeTestBundle(path.join(models, 'two'));
  await assert.rejects(loadBundles(models), { name: 'BundleError', message: /"test-bundle" exists twice/ });
  await assert.rejects(loadBundles(path.join(models, 'none')), { name: 'BundleError', message: /npm run models/ });
});
