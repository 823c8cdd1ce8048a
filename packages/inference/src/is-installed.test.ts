import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { startInferenceRunner as start } from './start-inference-runner.js';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

describe('an installation without ONNX Runtime', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-inference-'));
    await cp(new URL('.', import.meta.url), join(directory, 'dist'), { recursive: true });
    await cp(new URL('../package.json', import.meta.url), join(directory, 'package.json'));
    await mkdir(join(directory, 'node_modules'));
    for (const name of ['@tessera', 'typebox'])
      await symlink(join(modules, name), join(directory, 'node_modules', name));
  });

  after(() => rm(directory, { recursive: true, force: true }));

  it('says at start what is missing and how to get it', async () => {
    const entry = pathToFileURL(join(directory, 'dist/index.js')).href;
    const { startInferenceRunner } = (await import(entry)) as { startInferenceRunner: typeof start };
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    await assert.rejects(startInferenceRunner({ bundles: [], executionProviders: ['cpu'], runTimeoutMs: 1_000, log }), {
      name: 'InferenceStartError',
      message: /onnxruntime-node.* is not installed.* "npm ci"/,
    });
  });
});
